"""The documentation: pages in Markdown, and in `generate` what makes pages of the program itself."""
