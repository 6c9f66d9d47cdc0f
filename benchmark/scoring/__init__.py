"""Scoring: metrics and their registry, profiles, protocols and their targets, ceilings."""
