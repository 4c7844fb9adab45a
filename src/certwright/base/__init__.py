"""What every room stands on: time, failures and their reasons, evidence, back-off, secrets."""
