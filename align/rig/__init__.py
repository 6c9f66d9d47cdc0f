"""Two cameras behind a beam splitter."""
