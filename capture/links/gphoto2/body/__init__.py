"""What the process of a gphoto2 camera does with the body; nothing else talks to libgphoto2."""
