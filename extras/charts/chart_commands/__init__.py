"""Sub-commands of ``defocus-capture chart``."""
