"""The cameras' tests have a home of their own, as those of capture do."""

from tests.capture.conftest import own_home

__all__ = ["own_home"]
