"""What the bench's page shows beside the live picture."""

from dataclasses import dataclass, field

__all__ = ["BenchState"]


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
