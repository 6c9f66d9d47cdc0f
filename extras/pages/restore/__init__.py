"""Page on which pictures are dropped, compared and saved."""
