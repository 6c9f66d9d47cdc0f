"""Import of pictures from other programs or memory cards."""
