"""Other vendors' environments: found, judged, protected and put back."""
