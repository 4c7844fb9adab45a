"""Dashboard and metrics over the store."""
