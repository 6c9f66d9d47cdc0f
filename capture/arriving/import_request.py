"""Request of an import: the options of ``import``; it imports nothing heavy."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from defocus.capture.planning.scene_list import scene_slug
from defocus.capture.planning.shoot_settings import (
    JSON_LINES,
    SCENE_LIST,
    Order,
    SceneList,
)
from defocus.capture.quality.limits import LIMITS, QualityLimits
from defocus.errors import InputError
from defocus.settings import CommandSettings, option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from defocus.capture.arriving.card_shots import CardShot
    from defocus.capture.arriving.pairing import BracketApertures

Pause = Annotated[float, Field(ge=0)]


class ImportRequest(CommandSettings):
    """Pictures to import, and how, as typed; None leaves a choice to the pictures."""

    folder: Path = Path()
    limits: QualityLimits = LIMITS
    blurry: str | None = option(None, "--blurry F", heading="Pairs")
    """Wide aperture; needed if there are more than two."""
    sharp: str | None = option(None, "--sharp F")
    """Narrow aperture; needed if there are more than two."""
    order: Order | None = option(None, "--order")
    """Order of the members in pairs of a lens that reports no aperture; by default, the longer
    exposure is the sharp one. aba is sharp, blurry, sharp."""
    gap_seconds: Pause = option(60.0, "--gap SECONDS")
    """Longest pause between the shots of a pair."""
    rejected: Literal["show", "leave"] = option("show", "--rejected")
    """What to do with a picture that its sidecar rejects (-1 star): show the pair with a warning,
    or leave the picture out."""
    scene: str | None = option(None, "--scene NAME", heading="Scenes")
    """One scene name for all pairs; by default scenes are numbered."""
    scene_list: SceneList = SCENE_LIST
    scene_gap_seconds: Pause | None = option(None, "--scene-gap SECONDS")
    """Pause between two pairs after which a new scene begins; by default, a scene ends where the
    pictures look different."""
    watched: Path | None = option(None, "--watch FOLDER", heading="Import", type=Path)
    """Import pairs as they arrive in FOLDER, until Ctrl-C."""
    settled_seconds: Pause = option(5.0, "--settled-after SECONDS")
    """With --watch: make pairs once no file has arrived for this long."""
    json_lines: bool = JSON_LINES

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scene is not None:
            if self.scene_list:
                raise ValueError("--scene-list has all scenes; drop --scene")
            scene_slug(self.scene)  # refuses an invalid name
        if self._typed_apertures() is None and self.order is not None:
            raise InputError(
                "--order is for lenses without contacts: give --blurry, --sharp"
            )
        return self

    def apertures(self, shots: "Sequence[CardShot]") -> "BracketApertures":
        """The wide and the narrow f-number of all shots of one camera, those in the session too."""
        from defocus.capture.arriving.pairing import apertures_of

        return self._typed_apertures() or apertures_of(shots)

    def _typed_apertures(self) -> "BracketApertures | None":
        if self.blurry is None and self.sharp is None:
            return None
        from defocus.capture.arriving.pairing import BracketApertures
        from defocus.capture.planning.labels import parse_f_number

        blurry = parse_f_number(self.blurry or "")
        sharp = parse_f_number(self.sharp or "")
        if blurry is None or sharp is None:
            raise InputError("give both apertures, like --blurry f/4 --sharp f/22")
        if blurry >= sharp:
            raise InputError(
                f"--blurry {self.blurry} is not wider than --sharp {self.sharp}; give them like "
                "--blurry f/4 --sharp f/22"
            )
        return BracketApertures(blurry, sharp, typed=True, order=self.order)
