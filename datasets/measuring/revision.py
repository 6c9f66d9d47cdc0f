"""Revisions of measurements and references; light: a finished study is shown without torch."""

MEASURING_REVISION = 9
"""Of the numbers, flow and masks that the measurement of a pair comes to: raising it measures every
pair again, and makes again what rests on measurements. ``tests/golden`` fails if you forget."""

REFERENCE_REVISION = 1
"""Of how a sharp picture is registered with a measurement: raise it when its pixels change."""

REFERENCED = [MEASURING_REVISION, REFERENCE_REVISION]
"""What a stored reference is of; one of other revisions is made again."""
