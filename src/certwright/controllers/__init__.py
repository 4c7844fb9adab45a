"""One controller per kind: observe, decide, act."""
