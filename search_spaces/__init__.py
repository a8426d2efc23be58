"""Search spaces as TOML data; installed as ``autotune.search_spaces``. Nothing is evaluated."""
