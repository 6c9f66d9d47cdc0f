"""What spoils pairs, looked for before the shoot."""
