"""Processes of this machine: started, kept apart, interrupted, and asked for items of work."""
