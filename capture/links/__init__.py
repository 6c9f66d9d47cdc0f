"""Connections to cameras: addresses, processes, streams, protocols, makers' setting names."""
