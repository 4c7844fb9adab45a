"""Finds zones, asks name servers what they have, and sends dynamic updates."""
