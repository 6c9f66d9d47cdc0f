"""JDRL's U-Net trained with the JDRL objective."""
