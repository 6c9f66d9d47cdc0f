"""Losses between an output and the target; one module each, with ``make(**settings)``."""
