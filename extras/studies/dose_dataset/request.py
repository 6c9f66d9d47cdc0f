"""``dose.toml``, the user's request for pairs with doses of misalignment: it has ``doses_px``."""

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
    """The whole document."""

    size: Annotated[int, Field(ge=64, le=2048)]  # side of the pictures, px
    seed: Annotated[int, Field(ge=0)] = 0  # seed of everything that is drawn
    pairs: PairCounts  # number of scenes of each split; each has one pair per dose
    # 95th percentile of the displacements' length over a picture, px
    doses_px: Annotated[
        tuple[Annotated[float, Field(ge=0, le=LARGEST_DOSE_PX)], ...],
        Field(min_length=1),
    ]
    # kinds of misalignment, which scenes take in turn
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    # range of the largest circle of confusion of a scene, log-uniform, px
    blur_px: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=30)]]
    lenses: Annotated[int, Field(ge=1, le=OPTICS)] = (
        20  # number of lenses of the training stream
    )
    # shot, read: noise of the blurry pictures, as of :class:`~defocus.scene.camera.StreamCamera`
    shot: Annotated[float, Field(ge=0)] = 1e-4
    read: Annotated[float, Field(ge=0)] = 1e-6
    # largest exposure difference between blurry and sharp, either sign, EV
    gain_ev: Annotated[float, Field(ge=0, le=1)] = 0.0
    # folder of sharp photographs, relative to the request; None for textures
    photographs: Path | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "DoseRequest":
        if self.blur_px[0] > self.blur_px[1]:
            raise ValueError("blur_px goes from the least to the greatest")
        if len(set(self.doses_px)) < len(self.doses_px):
            raise ValueError("a dose is there twice")
        return self


def load_dose_request(path: Path, photographs: Path | None = None) -> DoseRequest:
    """Read a request; ``photographs`` is a folder to use instead of the request's."""
    request = load_settings(DoseRequest, path)
    folder = photographs
    if folder is None and request.photographs is not None:
        folder = path.parent / request.photographs
    if folder is not None and not folder.is_dir():
        raise SettingsError(
            f"{folder}: no such folder of photographs; name one with --photographs"
        )
    return request.model_copy(update={"photographs": folder})
