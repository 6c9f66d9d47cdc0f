"""Start weights of narrow copies: ``weights/NAME-narrow.safetensors`` with a ``.json`` card."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from defocus.baselines.card import Baseline
from defocus.baselines.weights.own import own_folder
from defocus.errors import WeightsError
from defocus.files import sha256_file
from defocus.settings import Settings, parse_settings

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
    card = path.with_suffix(".json")
    try:
        document = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{card}: damaged ({error}); install the package again") from error
    return parse_settings(NarrowCard, document, origin=str(card))


def load_narrow_weights(network: "nn.Module", path: Path) -> None:
    """Load start weights into a narrow copy, after checking their hash.

    Raises:
        WeightsError: The file is damaged, or does not fit the network.
    """
    from safetensors.torch import load

    content = path.read_bytes()
    if sha256_file(path) != narrow_card(path).sha256:
        raise WeightsError(f"{path}: damaged (its SHA-256 has changed); install the package again")
    network.load_state_dict(load(content), strict=True)
