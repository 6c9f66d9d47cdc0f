"""Systems that are trained against a network that judges their pictures."""
