"""Video and HTTP pictures of network and UVC cameras."""
