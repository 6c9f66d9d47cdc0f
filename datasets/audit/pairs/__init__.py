"""What one pair of an audit shows: its numbers, fingerprints, headers and reduced members."""
