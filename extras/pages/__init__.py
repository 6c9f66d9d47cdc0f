"""Pages in the browser, served from a running program."""
