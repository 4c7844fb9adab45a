"""Builds, parses and checks keys, CSRs and certificate chains; no clock, no I/O."""
