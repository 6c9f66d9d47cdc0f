"""Back ends by the scheme of a camera's address."""
