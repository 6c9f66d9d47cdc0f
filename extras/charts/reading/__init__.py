"""Find the printed chart in a picture, and measure its parts."""
