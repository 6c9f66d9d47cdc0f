"""The one leaderboard of a dataset: its lines, its table, what lies behind a row."""
