"""Log of a session for the notebook of a lab."""
