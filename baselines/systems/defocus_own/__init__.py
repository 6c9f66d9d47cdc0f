"""Networks designed here, and trained on renderings of our own."""
