"""The files of a dataset: arrays, sizes, hashes, the cache folder."""
