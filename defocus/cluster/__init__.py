"""Work as jobs of a cluster's scheduler: SLURM."""
