"""Search spaces as TOML data; installed as ``autotune.search_spaces``. No code, nothing evaluated."""
