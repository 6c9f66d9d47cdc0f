"""NAFNet trained with the JDRL objective."""
