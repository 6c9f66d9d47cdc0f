"""A slanted edge in a picture: where it lies, its MTF, whether it is straight."""
