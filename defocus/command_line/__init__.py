"""Command line shared by the programs: lazy sub-commands and common options."""
