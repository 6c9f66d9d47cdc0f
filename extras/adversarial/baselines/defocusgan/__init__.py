"""DefocusGAN: a generator with branches per blur size, its critic and its blur-map network."""
