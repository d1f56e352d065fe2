"""The embedded default: sources for a build that needs no vendor index, no conda-forge and no registry.

What is made here stands in for what the vendor ships, and says so when asked. The code that turns sources into
an image is the same for these as for real ones.
"""
