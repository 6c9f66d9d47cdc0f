"""Where the runs of a study are carried out: here, one process per GPU, or jobs of a cluster."""
