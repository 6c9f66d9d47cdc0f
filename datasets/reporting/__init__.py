"""The report of a dataset, for people who think of using it."""
