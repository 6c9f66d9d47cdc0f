"""What the pixels of a pair tell, measured once and kept by their content."""
