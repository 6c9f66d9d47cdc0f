"""Baselines: networks, classical methods and the objectives that train them."""
