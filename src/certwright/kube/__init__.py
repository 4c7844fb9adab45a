"""Talks to an API server."""
