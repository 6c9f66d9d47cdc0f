"""Features that can be taken out: each a folder that is used because it is there."""
