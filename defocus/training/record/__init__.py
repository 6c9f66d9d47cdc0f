"""What a training leaves in its folder: checkpoint, curve, validation scores."""
