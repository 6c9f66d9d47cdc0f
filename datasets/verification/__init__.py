"""Checksum manifests of a folder: writing them, finding what differs, putting it back."""
