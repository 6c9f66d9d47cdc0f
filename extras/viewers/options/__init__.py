"""Options of this extra for commands of the core."""
