"""The revision of what is rendered."""

__all__ = ["RENDERING_REVISION"]

RENDERING_REVISION = 1
"""Of rendered pixels, flow, defocus maps and drawn misalignment: raising it renders the sample and
every request again, and measures and trains on them again. ``tests/golden`` fails if you forget."""
