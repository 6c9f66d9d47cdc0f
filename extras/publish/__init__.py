"""Upload of releases to data servers as drafts; publishing is a separate step."""
