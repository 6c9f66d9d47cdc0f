"""Documents of a release, each a function of its facts."""
