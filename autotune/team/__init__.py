"""Several workers on one study: what they share, and what becomes of one that is lost."""
