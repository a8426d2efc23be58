"""Agent sessions made up from grammars of our own: text, sizes, order and times."""
