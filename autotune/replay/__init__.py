"""A workload and an endpoint in, turn records out."""
