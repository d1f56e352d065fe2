"""Python sources: names, conditions, imports and calls."""
