"""Inputs to layers: folder trees on this machine, and archives of them."""
