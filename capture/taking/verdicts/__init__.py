"""Verdicts on pairs from their stored shots: beside the shooting, after a kill, and again."""
