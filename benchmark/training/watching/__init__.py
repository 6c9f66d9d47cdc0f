"""Validation scores and curves during training."""
