"""Networks of three scales that began with MIMO-UNet: their units, their frame, their filters."""
