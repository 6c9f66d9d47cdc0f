"""A read-only page over many studies, for the browser of the person at this computer."""
