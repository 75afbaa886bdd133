"""Scenarios and conditions as data; read by `app.commons.scenario`."""
