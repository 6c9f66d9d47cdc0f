"""JDRL's plain U-Net, trained with a per-pixel loss: the network that JDRL is shown to lift."""
