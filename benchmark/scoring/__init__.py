"""Scoring: profiles, protocols and their targets, ceilings."""
