"""Files that stay whole: written once or not at all, in every format that is no picture."""
