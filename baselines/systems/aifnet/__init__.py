"""AIFNet: the defocus map of a picture, then the picture restored from its planes of equal blur."""
