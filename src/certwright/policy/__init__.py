"""Decides and explains: facts in, step out; pure, and told what time it is."""
