"""What a lock names, brought into the store."""
