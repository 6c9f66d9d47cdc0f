"""The files of a dataset: arrays, sizes and hashes."""
