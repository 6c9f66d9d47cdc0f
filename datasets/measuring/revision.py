"""Revisions of measurements and references; light: a finished study is shown without torch."""

MEASURING_REVISION = 13
"""Revision of the numbers, flow and masks that the measurement of a pair comes to: raising it
measures every pair again, and makes again what rests on measurements. ``tests/golden`` fails if you
forget."""

REFERENCE_REVISION = 1
"""Revision of how a sharp picture is registered with a measurement: raise it when its pixels
change."""

REFERENCED = [MEASURING_REVISION, REFERENCE_REVISION]
"""Revisions by which a stored reference was made; one with other revisions is made again."""
