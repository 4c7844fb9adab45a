"""Years of certificates under a jumping clock."""
