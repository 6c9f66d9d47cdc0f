"""Session on disk: folder, journal, state, decisions, and what is shown of it."""
