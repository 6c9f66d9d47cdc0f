"""Execution of a study, run by run."""
