"""Which GPU, what it can hold and what it is doing."""
