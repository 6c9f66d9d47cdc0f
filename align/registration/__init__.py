"""Global registration: one transform between the members of a pair."""
