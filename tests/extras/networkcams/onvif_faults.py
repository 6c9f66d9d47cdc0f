"""What a mock ONVIF camera is set to, and what it does wrong."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Faults:
    """What the camera does wrong.

    Attributes:
        ignores: Ways of moving the focus that are accepted and do nothing.
        offers: Ways of moving the focus that it says it has.
        stale_snapshots: How many requests get the same picture.
        no_snapshot: Whether it has no snapshot address.
        stream: Its RTSP address.
        reply: A whole HTTP reply body in the place of each SOAP answer.
        endless: Whether SOAP answers have no end.
        redirect: Where every request is sent on to.
        snapshot: A body in the place of each snapshot.
        no_imaging: Whether it has no imaging service.
        service_host: The host that it says its services are on.
        model: What it calls itself.
    """

    ignores: frozenset[str] = frozenset()
    offers: tuple[str, ...] = ("Absolute", "Relative", "Continuous")
    stale_snapshots: int = 1
    no_snapshot: bool = False
    stream: str = ""
    reply: bytes = b""
    endless: bool = False
    redirect: str = ""
    snapshot: bytes = b""
    no_imaging: bool = False
    service_host: str = ""
    model: str = "Dome 1"


@dataclass
class Lens:
    """The camera's state, in ONVIF's words and units."""

    focus: float = 0.4
    speed: float = 0.0
    since: float = 0.0
    imaging: dict[str, Any] = field(
        default_factory=lambda: {
            "IrCutFilter": "AUTO",
            "Exposure.Mode": "AUTO",
            "Exposure.ExposureTime": 10000.0,
            "Exposure.Gain": 0.0,
            "Exposure.Iris": 0.0,
            "Focus.AutoFocusMode": "AUTO",
            "WhiteBalance.Mode": "AUTO",
            "WhiteBalance.CrGain": 1.5,
            "WhiteBalance.CbGain": 1.7,
            "WideDynamicRange.Mode": "ON",
        }
    )
