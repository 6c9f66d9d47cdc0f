"""``dose.toml``: the user's request for pairs with doses of misalignment.

::

    size = 384
    seed = 0
    pairs = {train = 400, validation = 16, test = 40}
    doses_px = [0, 0.5, 1, 2, 4, 8]
    kinds = ["shift", "zoom", "rotation", "parallax", "mixture"]
    blur_px = [1.0, 12.0]
    lenses = 20
    gain_ev = 0.1
    photographs = "photographs"

A request is one of doses if it has ``doses_px``.
"""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from defocus.errors import SettingsError
from defocus.scene.kernel_bank import OPTICS
from defocus.settings import Settings, load_settings

Kind: TypeAlias = Literal["shift", "zoom", "rotation", "parallax", "mixture"]
LARGEST_DOSE_PX = 16.0


class PairCounts(Settings):
    """Number of scenes of each split."""

    train: Annotated[int, Field(ge=0)]
    validation: Annotated[int, Field(ge=0)] = 0
    test: Annotated[int, Field(ge=1)]


class DoseRequest(Settings):
    """The whole document.

    Attributes:
        size: Side of the pictures, px.
        seed: Seed of everything that is drawn.
        pairs: Number of scenes of each split; each has one pair per dose.
        doses_px: 95th percentile of the displacements' length over a picture, px.
        kinds: Kinds of misalignment, which scenes take in turn.
        blur_px: Range of the largest circle of confusion of a scene, log-uniform, px.
        lenses: Number of lenses of the training stream.
        shot, read: Noise of the blurry pictures, as of
            :class:`~defocus.scene.camera.StreamCamera`.
        gain_ev: Largest exposure difference between blurry and sharp, either sign, EV.
        photographs: Folder of sharp photographs, relative to the request; None for textures.
    """

    size: Annotated[int, Field(ge=64, le=2048)]
    seed: Annotated[int, Field(ge=0)] = 0
    pairs: PairCounts
    doses_px: Annotated[
        tuple[Annotated[float, Field(ge=0, le=LARGEST_DOSE_PX)], ...], Field(min_length=1)
    ]
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    blur_px: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=30)]]
    lenses: Annotated[int, Field(ge=1, le=OPTICS)] = 20
    shot: Annotated[float, Field(ge=0)] = 1e-4
    read: Annotated[float, Field(ge=0)] = 1e-6
    gain_ev: Annotated[float, Field(ge=0, le=1)] = 0.0
    photographs: Path | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "DoseRequest":
        if self.blur_px[0] > self.blur_px[1]:
            raise ValueError("blur_px goes from the least to the greatest")
        if len(set(self.doses_px)) < len(self.doses_px):
            raise ValueError("a dose is there twice")
        return self


def load_dose_request(path: Path, photographs: Path | None = None) -> DoseRequest:
    """Read a request.

    Args:
        path: The TOML file.
        photographs: Folder to use instead of the request's.

    Raises:
        SettingsError: The file is missing, not TOML, has an unknown key or a wrong value, or the
            folder does not exist.
    """
    request = load_settings(DoseRequest, path)
    folder = photographs
    if folder is None and request.photographs is not None:
        folder = path.parent / request.photographs
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder of photographs; name one with --photographs")
    return request.model_copy(update={"photographs": folder})
