"""Where the settings of several sub-commands are."""

SETTINGS = "defocus.benchmark.study.options"
"""Settings models of commands that run studies; the list of commands does not import them."""
