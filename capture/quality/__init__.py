"""Quality control of pairs: detail, exposure, motion, geometry, verdict."""
