"""Faults, one by one, through the whole product: what `why` says of them, and how they end."""
