"""Pages, JSON API, live stream and shares."""
