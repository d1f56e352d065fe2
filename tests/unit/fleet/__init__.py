"""Many machines and images: what their documents say, and what it sums up to."""
