"""The process dies at each of its outside effects; a restart makes everything whole."""
