"""Sub-commands of ``defocus-bench labs``."""
