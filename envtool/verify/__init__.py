"""Verifies images: from their files and configuration, and by their own checks inside of them."""
