"""MPRNet trained with the JDRL objective."""
