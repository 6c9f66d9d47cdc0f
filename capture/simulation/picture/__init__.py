"""Picture of the simulated camera: scene, lens, sensor, ground truth."""
