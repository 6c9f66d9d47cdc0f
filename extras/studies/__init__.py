"""Studies of what a training is made of: ablations, misalignment in doses, other datasets."""
