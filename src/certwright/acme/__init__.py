"""Speaks ACME (RFC 8555) and nothing else; one file per object of the RFC."""
