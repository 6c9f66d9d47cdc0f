"""What this extra adds to a session."""
