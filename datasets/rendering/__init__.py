"""Rendering of datasets with a thin lens: scenes in, pairs with ground truth out."""
