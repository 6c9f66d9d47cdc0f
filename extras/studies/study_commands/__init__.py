"""Sub-commands of ``defocus-bench studies``."""
