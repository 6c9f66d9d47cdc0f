"""Networks designed for this project and trained on its own renderings."""
