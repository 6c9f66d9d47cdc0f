"""Compensation: warp the sharp picture onto the blurry one and write the aligned pair."""
