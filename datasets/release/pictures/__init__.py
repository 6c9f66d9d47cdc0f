"""Pictures of a release: their colours, their files, and what is removed from them."""
