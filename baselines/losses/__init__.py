"""Losses between an output and the target; a module each, with ``make(**settings)``."""
