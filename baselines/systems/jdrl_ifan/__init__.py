"""IFAN trained with the JDRL objective."""
