"""Kinds of calibration: each measures one property of a camera."""
