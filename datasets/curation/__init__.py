"""Which pairs a dataset keeps, and in which split each belongs."""
