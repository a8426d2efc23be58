"""Arms compared on the same turns, in interleaved blocks, until the difference is told."""
