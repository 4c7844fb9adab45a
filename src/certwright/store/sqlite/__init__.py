"""The store of a machine without a cluster: Kubernetes' API semantics in one SQLite file."""
