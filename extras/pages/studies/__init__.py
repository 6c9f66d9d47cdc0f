"""Read-only web page of many studies, for the browser on this computer."""
