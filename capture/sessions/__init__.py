"""Session on disk: folder, journal, state and decisions."""
