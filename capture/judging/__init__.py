"""Quality control on the spot: sharpness, exposure, motion, geometry, verdict."""
