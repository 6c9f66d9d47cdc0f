"""Conformance: do our systems equal the official ones?"""
