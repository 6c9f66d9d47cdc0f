"""Check a submission against the dataset: rescoring, restoring again, probes, the record."""
