"""Numbers that others have printed, each with its source."""
