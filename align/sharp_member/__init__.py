"""Tests of the sharp member of a pair, each for one fault, and the judgement beside other pairs."""
