"""Connection to USB cameras, through libgphoto2 in a separate process."""
