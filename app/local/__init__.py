"""Optional: a local model."""
