"""Live view without a page: measure frames one after another."""

from collections.abc import Iterator

from defocus.capture.camera import HasPreview
from defocus.capture.links.back_ends import open_camera
from defocus.errors import InputError
from defocus.extras.pages.live.preview import LiveView, look_at


def previews(uri: str, frames: int) -> Iterator[LiveView]:
    """Show measurements of live pictures."""
    with open_camera(uri) as camera:
        if not isinstance(camera, HasPreview):
            raise InputError(f"{camera.describe().model} has no live view; take a shot")
        for _ in range(frames):
            yield look_at(camera.preview())
