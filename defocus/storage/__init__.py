"""Files that stay whole: written once or not at all, in every format except pictures."""
