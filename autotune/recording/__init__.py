"""The recording proxy: what an agent sends, kept as a capture."""
