"""MPRNet: three stages from quadrants over halves to the whole picture."""
