"""What each page shows, declared once: templates draw it, routes fill it."""
