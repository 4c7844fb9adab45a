"""What an installation in a cluster consists of, for one `kubectl apply --server-side`."""
