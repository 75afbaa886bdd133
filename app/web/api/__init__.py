"""The JSON twin of the pages, `/api/v1`."""
