"""Speed and memory of critical parts, each against a plain implementation in the same run."""
