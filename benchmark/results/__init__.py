"""Results: the store of a study, run folders, and merging several folders."""
