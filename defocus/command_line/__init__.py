"""Command line shared by the three commands: lazy sub-commands and common options."""
