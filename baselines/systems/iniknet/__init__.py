"""INIKNet: inverse kernels from networks of coordinates, mixed per pixel."""
