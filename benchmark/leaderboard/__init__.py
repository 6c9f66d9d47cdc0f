"""The leaderboard: its rows, its tables, and the files that it is written to."""
