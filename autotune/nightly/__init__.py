"""Settings that stay tuned: what a night of retuning decides, promotes, and takes back."""
