"""Turns watches into reconciliations; writes status and events."""
