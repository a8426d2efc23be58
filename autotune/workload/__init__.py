"""Captures in, Workload out."""
