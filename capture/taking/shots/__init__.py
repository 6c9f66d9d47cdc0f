"""Shots of a pair: settings, focus, release, one camera or two."""
