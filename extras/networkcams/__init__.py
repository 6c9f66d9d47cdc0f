"""Cameras on a network or without a driver of their own: ONVIF, HTTP, RTSP, UVC."""
