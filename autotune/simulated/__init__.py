"""Measurements worked out instead of made: machines, models and engines as formulas.

Nothing here is a measurement. Whatever comes from this package says so: `LABEL` stands in every
record's `provider` and in every measurement's telemetry, and `provenance` marks a study's folder,
which no export takes.
"""
