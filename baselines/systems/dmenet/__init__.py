"""DMENet: the defocus map of a single picture."""
