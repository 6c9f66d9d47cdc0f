"""The result of a study by dose of misalignment, as the beginning of its report."""
