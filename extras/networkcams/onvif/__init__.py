"""Connection to IP cameras through ONVIF."""
