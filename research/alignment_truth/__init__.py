"""Rendered pairs with exact flow, and the alignment benchmark on them."""
