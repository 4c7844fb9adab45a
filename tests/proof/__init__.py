"""Proofs: what holds at every crash point, and over years."""
