"""Effect of each part of a training by dose of misalignment, against the truth."""
