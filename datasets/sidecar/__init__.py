"""Corrections of other people's datasets, without a picture of theirs."""
