"""State of the bench that the page shows beside the live picture."""

from dataclasses import dataclass, field

from defocus.capture.camera import Camera, HasCardSpace

NO_LIVE_VIEW = "this camera has no live picture"


@dataclass
class BenchState:
    """State of the shooting thread for the page; texts are empty where there is none."""

    session: str
    live: bool
    camera: str = ""
    supply: str = (
        ""  # battery and space of the card; empty if the camera does not report them
    )
    camera_problem: str = ""  # why there is no camera; empty if there is one
    motor: bool = False
    live_view: str = ""
    scene: str = ""
    title: str = ""  # the same as it was typed
    note: str = ""
    offered: str = ""
    unfinished: str = ""
    busy: str = ""  # present activity in words; empty if idle
    prompt: str = ""  # what the user must do to continue; empty if nothing
    problem: str = ""
    plan: list[str] = field(default_factory=list)
    current: str = ""
    revision: int = 0


def supply_of(camera: Camera) -> str:
    """Battery and space of the card in words, as far as the camera reports them."""
    battery = camera.describe().battery
    parts = [f"battery {battery}"] if battery else []
    if isinstance(camera, HasCardSpace):
        for card in camera.cards(count_files=False):
            if card.free_bytes is not None:
                gigabytes = card.free_bytes / 1e9
                parts.append(f"card {gigabytes:.1f} GB free")
    return " · ".join(parts)
