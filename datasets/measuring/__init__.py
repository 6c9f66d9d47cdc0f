"""What the pixels of a pair show, measured once and kept by their content."""
