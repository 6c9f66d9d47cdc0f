"""Connection to cameras on USB, through libgphoto2 in a process of its own."""
