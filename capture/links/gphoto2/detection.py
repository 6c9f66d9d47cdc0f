"""Detection of gphoto2 cameras in a separate process."""

from importlib.util import find_spec

from defocus.capture.links.child_link import AnswerError, Child, ChildLostError
from defocus.errors import CameraNotFoundError

__all__ = ["CHILD", "detect"]

CHILD = "defocus.capture.links.gphoto2.child"


def detect(environment: dict[str, str]) -> list[dict[str, str]]:
    """Model and port of every camera that libgphoto2 detects."""
    if find_spec("gphoto2") is None:
        raise CameraNotFoundError(
            "gphoto2 is not installed; run 'pip install gphoto2' (no Windows)"
        )
    child = Child(CHILD, environment)
    try:
        found: list[dict[str, str]] = child.ask("detect")
    except (ChildLostError, AnswerError) as error:
        raise CameraNotFoundError(f"libgphoto2 cannot look for cameras: {error}") from error
    finally:
        child.end()
    return found
