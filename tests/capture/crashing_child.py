"""The process of a gphoto2 camera without its check of values: once, it sets one that kills it."""

import os
from pathlib import Path
from typing import Any

from defocus.capture.links.gphoto2 import child as gphoto2_child

FLAG = "DEFOCUS_TEST_CRASH"
"""Names a file; while it exists, the next setting is the bad value, which libgphoto2 dies of."""


class UncheckedCamera(gphoto2_child.ChildCamera):
    """Passes the bad value on to the library."""

    def write(self, request: dict[str, Any]) -> str:
        flag = Path(os.environ[FLAG])
        if not flag.exists():
            return super().write(request)
        flag.unlink()
        widget = self._camera.get_single_config("f-number")
        widget.set_value("f/123")
        self._camera.set_single_config("f-number", widget)
        self._camera.get_single_config("f-number").get_value()  # reading back kills the process
        raise AssertionError("the library survived")


if __name__ == "__main__":
    gphoto2_child.ChildCamera = UncheckedCamera  # type: ignore[misc]
    gphoto2_child.main()
