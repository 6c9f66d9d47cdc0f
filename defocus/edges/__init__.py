"""A slanted edge in a picture: where it is, its MTF, whether it is straight."""
