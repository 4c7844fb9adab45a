"""Measurements by hand, each with its command; README.md beside them holds what was found."""
