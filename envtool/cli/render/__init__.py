"""How a doctor report is printed: one module for each format, each a function from the report to its text."""
