"""Pictures of one split that are in another: as a whole or in part, mirrored, turned or resized."""
