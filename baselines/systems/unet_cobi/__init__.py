"""JDRL's U-Net trained with the contextual bilateral loss: a rival that its supplement tried."""
