"""Measurements that are run by hand and have no fixed target."""
