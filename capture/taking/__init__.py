"""Shooting pairs: frames, focus, retries, hooks, two cameras."""
