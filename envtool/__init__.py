"""Keeps the vendor build of torch in Hyperscale AI Computing environments and images intact."""

__version__ = "0.1.0"
