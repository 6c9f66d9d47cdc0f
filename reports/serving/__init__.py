"""Pages served on this computer: access, one frame for pages with pairs, the server."""
