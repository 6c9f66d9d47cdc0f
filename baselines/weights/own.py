"""Weights shipped with the package: ``weights/NAME.safetensors`` with ``NAME.json``."""

import json
from importlib.resources import files
from pathlib import Path

from defocus.baselines.card import Baseline
from defocus.baselines.registry import home_package
from defocus.errors import WeightsError
from defocus.files import sha256_file
from defocus.settings import Settings, parse_settings

__all__ = [
    "OWN",
    "OwnCard",
    "find_own_weights",
    "own_card",
    "own_folder",
    "own_weights",
    "weights_or_own",
]

OWN = "own"
"""What a person writes in place of a label or a file."""


class OwnCard(Settings):
    """Where shipped weights come from.

    Attributes:
        system: Whose they are.
        sha256: SHA-256 hash of the file.
        run: Id of the training.
        code: Versions of this package that trained, as ``0.1.0+abc1234``.
        revision: Revision of the system's card at that time.
        training_revision: Training revision of the training loop at that time.
        step, steps: How far the training was, and how far it goes.
        hours: Hours that the training has taken so far.
        cpu_hours: CPU hours of all cores together.
        dataset, data_hash: What it trained on: name, and hash of its content.
        validation: Mean PSNR of its validation pictures, dB, by the last weights that were scored
            up to that step; None where none were.
        validation_gain: What that is above the blurry pictures' own.
        curve: Step, CPU hours until then and gain in dB, at each validation so far.
        licence: Licence of the weights.
        start_sha256: SHA-256 of the weights that the training started from; empty for random ones.
    """

    system: str
    sha256: str
    run: str
    code: str
    revision: int
    training_revision: int
    step: int
    steps: int
    hours: float
    cpu_hours: float
    dataset: str
    data_hash: str
    validation: float | None
    validation_gain: float | None
    curve: tuple[tuple[int, float, float], ...] = ()
    licence: str
    start_sha256: str = ""


def own_folder(system: Baseline) -> Path | None:
    """Where the package keeps weights of a system; None for systems of other packages."""
    package = home_package(system)
    if not package.startswith("defocus.baselines."):
        return None
    return Path(str(files(package))) / "weights"


def find_own_weights(system: Baseline) -> Path | None:
    """The weights file that the package ships for a system; None where it ships none."""
    folder = own_folder(system)
    path = folder and folder / f"{system.card.name}.safetensors"
    return path if path and path.is_file() else None


def weights_or_own(system: Baseline, given: str | None) -> str | None:
    """Which weights restore a picture: those given, else the package's own where it ships any."""
    return OWN if given is None and find_own_weights(system) is not None else given


def own_weights(system: Baseline) -> Path:
    """The same, where it is needed, once its hash is found right.

    Raises:
        WeightsError: The package ships none, or the file is damaged.
    """
    path = find_own_weights(system)
    if path is None:
        raise WeightsError(
            f"the package ships no weights of {system.card.name}; give a label of "
            "'defocus-bench weights list' or a file"
        )
    if sha256_file(path) != own_card(path).sha256:
        raise WeightsError(f"{path}: damaged (its SHA-256 has changed); install the package again")
    return path


def own_card(path: Path) -> OwnCard:
    """What is said of a weights file, in the ``.json`` beside it.

    Raises:
        WeightsError: That is missing or damaged.
        SettingsError: It has an unknown key or a wrong value.
    """
    card = path.with_suffix(".json")
    try:
        document = json.loads(card.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{card}: damaged ({error}); install the package again") from error
    return parse_settings(OwnCard, document, origin=str(card))
