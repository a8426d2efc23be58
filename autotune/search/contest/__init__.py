"""Several engines under one budget: which one to choose, before which of its flags."""
