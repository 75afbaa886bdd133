"""Import and export: the research code's logs."""
