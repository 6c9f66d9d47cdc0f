"""Forms of results from which a study of the core can take scores."""
