"""Benchmark: train, evaluate, score, compare; results and leaderboards."""
