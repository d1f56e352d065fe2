"""The software bill of materials of an image: what is in it, as CycloneDX."""
