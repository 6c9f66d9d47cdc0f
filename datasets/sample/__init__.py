"""The embedded sample dataset: scenes rendered on first use from pictures of scikit-image."""
