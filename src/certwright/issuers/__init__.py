"""A request in; a chain, "not yet" or a problem out."""
