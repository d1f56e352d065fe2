"""Holds pip, uv and conda to the vendor's distributions in an environment that is there, and takes that back."""
