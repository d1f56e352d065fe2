"""One module for each kind of dependency file."""
