"""The one way to read and write resources; two backends."""
