"""Commands: the path of a command is the path of its file."""
