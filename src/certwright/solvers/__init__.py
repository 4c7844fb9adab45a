"""Make a challenge answerable, and undo it: HTTP-01, and DNS-01 with its providers."""
