"""``defocus-bench restore``: the second name of ``defocus-restore``."""

from defocus.restoration.command import command

__all__ = ["command"]
