"""Planning of a shoot: exposures, optics, frames, duration, disk space."""
