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
    """Origin of the start weights of a narrow copy.

    Attributes:
        system: Name of the system that declares the copy.
        narrow: Its settings, as in the system's identity.
        revision: Revision of the system's card at that time.
        sha256: SHA-256 hash of the file.
        code: Version of this package that trained them.
        parameters: Number of parameters.
        steps: Optimiser steps.
        cpu_minutes: Minutes of one processor core that the training was given.
        dataset, data_hash: Name and content hash of the training dataset.
        validation: Mean validation PSNR, dB; None for a copy that does not restore by itself.
        validation_gain: Gain of the validation PSNR over the blurry pictures.
        licence: Licence of the weights.
    """

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
    """Read the card of start weights, the ``.json`` beside them.

    Raises:
        WeightsError: The card is missing or damaged.
        SettingsError: The card has an unknown key or a wrong value.
    """
    return shipped_card(path, NarrowCard)


def load_narrow_weights(network: "nn.Module", path: Path) -> None:
    """Load start weights into a narrow copy, after checking their hash.

    Raises:
        WeightsError: The file is damaged, or does not fit the network.
    """
    from safetensors.torch import load_file

    check_shipped(path, narrow_card(path).sha256)
    network.load_state_dict(load_file(path), strict=True)
