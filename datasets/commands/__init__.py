"""Sub-commands of defocus-data, one module each."""
