"""Printed charts: edge, star and texture measures in the units of optics."""
