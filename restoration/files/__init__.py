"""Pictures of a person, read and written with all that they have."""
