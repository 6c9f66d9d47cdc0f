"""GGKMNet, rebuilt: GKMNet's Gaussians in groups, and blur undone by a fixed point."""
