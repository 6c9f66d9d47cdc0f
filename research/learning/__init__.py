"""How small things that the package ships are learned: a dictionary, a map of blur, a share."""
