"""Redaction: secrets and text out, depth and prefixes kept."""
