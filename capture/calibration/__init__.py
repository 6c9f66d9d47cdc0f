"""What a camera does otherwise than its labels say, measured before a session."""
