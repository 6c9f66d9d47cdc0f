"""Interface of metrics, their registry, and code that several metrics share."""
