"""What users write: types, defaults, rules, CRDs, manifests."""
