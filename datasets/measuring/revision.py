"""The revision of what is measured."""

__all__ = ["MEASURING_REVISION"]

MEASURING_REVISION = 6
"""Of the numbers, flow and masks that the measurement of a pair comes to: raising it measures every
pair again, and makes again what rests on measurements. ``tests/golden`` fails if you forget."""
