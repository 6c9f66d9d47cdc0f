"""Start weights of narrow copies: ``weights/NAME-narrow.safetensors`` with a ``.json`` card."""

from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.weights.own import check_shipped, own_folder, shipped_card
from defocus.settings import Settings

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NarrowCard", "find_narrow_weights", "load_narrow_weights", "narrow_card", "narrow_file"]


class NarrowCard(Settings):
    """Origin of the start weights of a narrow copy."""

    # ``cpu_minutes`` are of one processor core; ``validation`` and its gain over the blurry
    # pictures are PSNR in dB, None for a copy that does not restore by itself.

    system: str
    narrow: str
    revision: int
    sha256: str
    code: str
    parameters: int
    steps: int
    cpu_minutes: float
    dataset: str
    data_hash: str
    validation: float | None
    validation_gain: float | None
    licence: str


def narrow_file(folder: Path, name: str) -> Path:
    """Place of the start weights of a name in a folder."""
    return folder / f"{name}-narrow.safetensors"


def find_narrow_weights(system: Baseline) -> Path | None:
    """The shipped start weights of a system's narrow copy; None if there are none."""
    folder = own_folder(system)
    if system.narrow is None or folder is None:
        return None
    path = narrow_file(folder, system.narrow.name)
    return path if path.is_file() else None


def narrow_card(path: Path) -> NarrowCard:
    """Read the card of start weights, the ``.json`` beside them."""
    return shipped_card(path, NarrowCard)


def load_narrow_weights(network: "nn.Module", path: Path) -> None:
    """Load start weights into a narrow copy, after checking their hash."""
    from safetensors.torch import load_file

    check_shipped(path, narrow_card(path).sha256)
    network.load_state_dict(load_file(path), strict=True)
