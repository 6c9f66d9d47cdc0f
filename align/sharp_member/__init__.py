"""Tests of the sharp member of a pair, each for one fault, and the comparison with other pairs."""
