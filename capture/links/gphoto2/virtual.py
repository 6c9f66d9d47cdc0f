"""libgphoto2's virtual camera, included in the gphoto2 wheel."""

from importlib.util import find_spec
from pathlib import Path

from defocus.errors import CameraNotFoundError, InputError

__all__ = ["VIRTUAL_MANUFACTURER", "virtual_environment"]

VIRTUAL_MANUFACTURER = "GP"
"""What the virtual camera says; the body it plays says its maker's full name."""


def virtual_environment(folder: Path) -> dict[str, str]:
    """Environment that makes libgphoto2 offer its virtual camera; it is read at import."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder for the virtual camera; give one with a JPEG")
    spec = find_spec("gphoto2")
    library = Path(spec.origin or "").parent / "libgphoto2" if spec else Path()
    if not (library / "vusb").is_dir():
        raise CameraNotFoundError("this gphoto2 has no virtual camera; install its wheel")
    return {
        "IOLIBS": str(library / "vusb"),
        "CAMLIBS": str(library / "camlibs"),
        "VCAMERADIR": str(folder.absolute()),
    }
