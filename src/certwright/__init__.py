"""Certificate management: from a declaration to a certificate that stays fresh."""
