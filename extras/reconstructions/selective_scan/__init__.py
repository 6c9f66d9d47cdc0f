"""Selective state spaces in plain PyTorch: the scan, Mamba's block, VMamba's block."""
