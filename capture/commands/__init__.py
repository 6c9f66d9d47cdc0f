"""Sub-commands of defocus-capture, one module each."""
