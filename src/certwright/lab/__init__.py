"""A CA, a name server and an HTTPS edge on loopback, for the quickstart."""
