"""Reads a person's program without running it: what will not run on the vendor's accelerator, and what is needless."""
