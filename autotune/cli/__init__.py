"""One file per command: parse, then call; no logic."""
