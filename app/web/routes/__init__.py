"""Handlers, a module a family of pages: parse, call a service, choose an answer."""
