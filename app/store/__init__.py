"""The record: tables, connections, recorder, call log and queries."""
