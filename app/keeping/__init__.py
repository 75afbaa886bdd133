"""Keeping an instance: backup and restore, and the examination of `govsim doctor`."""
