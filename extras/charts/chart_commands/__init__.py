"""Sub-commands of ``chart``, of two programs."""
