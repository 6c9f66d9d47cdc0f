"""Contents of the page: pictures, measurements, overlays, contact sheet."""
