"""RAW members developed alike."""
