"""Safe unpacking of untrusted archives."""
