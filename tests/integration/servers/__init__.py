"""Starters of the real servers that the integration tests talk to."""
