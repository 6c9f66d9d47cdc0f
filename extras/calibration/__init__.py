"""How a camera differs from its labels, measured with the camera itself."""
