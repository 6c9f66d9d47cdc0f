"""What will be shot before anything is: exposures, optics, frames, duration, disk."""
