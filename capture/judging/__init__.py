"""Quality control of pairs: sharpness, exposure, motion, geometry, verdict."""
