"""One file a capture format; `detect` chooses by evidence, never by guessing."""
