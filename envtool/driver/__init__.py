"""The accelerator's own program: runs it within a time limit and reads its tables."""
