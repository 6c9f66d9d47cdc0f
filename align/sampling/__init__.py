"""Sampling: pictures read between their pixels, reduced, enlarged and warped."""
