"""Measurements that are run by hand and compare with no fixed target."""
