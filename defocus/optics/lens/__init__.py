"""Point spread functions of real lenses: aberrations, colour, cat's eye, diffraction."""
