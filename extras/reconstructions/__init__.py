"""Systems rebuilt from an abstract, as neither text nor code is public."""
