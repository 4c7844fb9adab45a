"""Manifests of a folder into the store, Secrets out of it."""
