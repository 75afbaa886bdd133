"""Records in, numbers and figures out: replay state, group statistics, charts."""
