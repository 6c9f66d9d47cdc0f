"""The printed chart: its parts and their places, as vectors and as pixels."""
