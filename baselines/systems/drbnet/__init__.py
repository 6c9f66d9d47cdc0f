"""DRBNet: per-pixel dynamic kernels from coarse to fine."""
