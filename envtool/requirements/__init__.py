"""Reads dependency files, predicts what installing them would do to the vendor torch, and rewrites them."""
