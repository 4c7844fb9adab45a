"""Fuzzing of everything that reads what a stranger sends; see tests/fuzz/targets."""
