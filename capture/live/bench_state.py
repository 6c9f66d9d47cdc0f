"""What the bench's page shows beside the live picture."""

from dataclasses import dataclass, field

from defocus.capture.body_abilities import HasCardSpace
from defocus.capture.camera import Camera

__all__ = ["NO_LIVE_VIEW", "BenchState", "supply_of"]

NO_LIVE_VIEW = "this camera has no live picture"


@dataclass
class BenchState:
    """State of the shooting thread for the page.

    Attributes:
        session: Name of the session folder.
        live: Whether pairs can be shot, or only judged.
        camera: Model and lens of the open camera.
        supply: Battery and space of the card; empty if the camera does not tell them.
        camera_problem: Why there is no camera; empty if there is one.
        motor: Whether the page can move the focus of the camera of the live picture.
        live_view: Whether the camera has a live picture, or why not.
        scene: Scene of the next pair, as in file names.
        title: The same as it was typed.
        note: What was noted on that scene, or is in the list.
        offered: The scene after it, unless another is named.
        unfinished: An interrupted pair of that scene, which is shot first; empty if there is none.
        busy: Present activity in words; empty if idle.
        prompt: What the user must do to continue; empty if nothing.
        problem: Error of the last request.
        plan: The plan of the next pair, line by line.
        current: The pair shot or judged last.
        revision: Grows with every change of the list of pairs.
    """

    session: str
    live: bool
    camera: str = ""
    supply: str = ""
    camera_problem: str = ""
    motor: bool = False
    live_view: str = ""
    scene: str = ""
    title: str = ""
    note: str = ""
    offered: str = ""
    unfinished: str = ""
    busy: str = ""
    prompt: str = ""
    problem: str = ""
    plan: list[str] = field(default_factory=list)
    current: str = ""
    revision: int = 0


def supply_of(camera: Camera) -> str:
    """Battery and space of the card in words, as far as the camera tells them."""
    battery = camera.describe().battery
    told = [f"battery {battery}"] if battery else []
    if isinstance(camera, HasCardSpace):
        free = [
            card.free_bytes
            for card in camera.cards(count_files=False)
            if card.free_bytes is not None
        ]
        told += [f"card {space / 1e9:.1f} GB free" for space in free]
    return " · ".join(told)
