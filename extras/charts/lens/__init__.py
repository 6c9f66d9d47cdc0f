"""A lens's prescription, fitted to photographs of the chart."""
