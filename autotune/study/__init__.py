"""What is on disk of a study; knows nothing of engines."""
