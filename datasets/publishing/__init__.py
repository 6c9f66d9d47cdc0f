"""Drafts of releases on servers that keep data for others; published only when asked."""
