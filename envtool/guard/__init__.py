"""What the guard says after an instruction: the slow half of `hac-shell`, started only where something changed."""
