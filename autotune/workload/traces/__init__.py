"""Hash traces: lengths and prefix hashes made into prompts."""
