"""A session on disk: its folder, its journal, its state, what people decided."""
