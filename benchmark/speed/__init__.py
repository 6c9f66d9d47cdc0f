"""Speed and memory of the parts that matter, each against a straightforward peer in one run."""
