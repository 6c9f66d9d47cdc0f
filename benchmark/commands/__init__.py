"""Sub-commands of defocus-bench, one module each."""
