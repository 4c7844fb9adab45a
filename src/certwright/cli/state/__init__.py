"""Commands on the state file."""
