"""The Docker Engine: builds, loads, exports and pushes images."""
