"""People's judgements: a page of blind comparisons, and what follows from its answers."""
