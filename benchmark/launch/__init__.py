"""Launchers of the runs of a study: in this process, one process per GPU, or cluster jobs."""
