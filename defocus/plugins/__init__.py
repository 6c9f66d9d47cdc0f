"""Additions to the program: extras, packages and files, found by kind and name."""
