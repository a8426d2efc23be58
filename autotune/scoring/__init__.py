"""Pure: records in, numbers out."""
