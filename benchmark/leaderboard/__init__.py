"""Leaderboard: rows, tables and files."""
