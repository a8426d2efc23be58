"""Reports: one page of sections, tables and figures, as HTML, Markdown or text for a terminal."""
