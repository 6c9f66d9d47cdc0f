"""Training PWC-Net on rendered blurry/sharp pairs with known flow."""
