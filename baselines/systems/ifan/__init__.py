"""IFAN: per-pixel separable filters predicted from defocus disparity, applied to features."""
