"""Reports of the benchmark: pages made from a study's results and files."""
