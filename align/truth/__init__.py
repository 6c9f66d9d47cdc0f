"""The truth set: rendered pairs with exact flow, and the benchmark on them."""
