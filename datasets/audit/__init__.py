"""Auditing a dataset: what is misaligned, badly exposed, not sharp, or shared between splits."""
