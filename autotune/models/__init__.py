"""Model metadata and the memory it asks for."""
