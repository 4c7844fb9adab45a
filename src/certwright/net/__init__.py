"""Sends and serves bytes, with limits and redaction."""
