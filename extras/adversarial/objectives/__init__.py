"""Their objectives, a module each."""
