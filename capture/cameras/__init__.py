"""Camera back ends, one file each; the URI scheme names the file."""
