"""Training patches: cut from packed pictures, augmented, batched."""
