"""Attention layers: over channels, and within shifted windows."""
