"""The one leaderboard of a dataset: its table, its notes, what is behind a row."""
