"""The flags of `certwright run`: one table, from which the command, its file and its page come."""
