"""Where vendor wheels come from: one module for each kind of source, all with the shape of `interface`."""
