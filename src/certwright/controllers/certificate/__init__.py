"""The life of a Certificate, one step per module."""
