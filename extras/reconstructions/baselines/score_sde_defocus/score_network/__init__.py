"""NCSN++, the network that gives the score."""
