"""Recipes: typed training settings of a baseline."""
