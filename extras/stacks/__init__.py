"""Focus stacks: align the frames, and fuse them into a picture that is in focus everywhere."""
