"""Weights shipped with the package: ``weights/NAME.safetensors`` with ``NAME.json``.

``NAME-narrow`` are the start weights of a narrow copy."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from defocus.baselines.card import Baseline
from defocus.baselines.registry import home_package
from defocus.errors import WeightsError
from defocus.reading import intact, read_json
from defocus.settings import Settings, parse_settings
from defocus.storage.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

C = TypeVar("C", bound=Settings)

OWN = "own"
"""Word that a person writes in place of a label or a file."""


class ShippedCard(Settings):
    """Origin of a file of weights that comes with the package."""

    # ``validation`` and its gain over the blurry pictures are PSNR, dB, of the last validated
    # weights; None for a copy that does not restore by itself.

    system: str
    sha256: str
    code: str
    revision: int
    steps: int
    dataset: str
    data_hash: str
    validation: float | None
    validation_gain: float | None
    licence: str


class OwnCard(ShippedCard):
    """Origin of shipped weights; ``run`` is empty for a training by a script."""

    # ``stages`` are trainings in a row that are counted together; ``curve`` has step, CPU hours and
    # gain at each validation.

    run: str
    training_revision: int
    step: int
    stages: int = 1
    hours: float
    cpu_hours: float | None
    device: str = ""
    curve: tuple[tuple[int, float, float], ...] = ()
    start_sha256: str = ""


class NarrowCard(ShippedCard):
    """Origin of the start weights of a narrow copy; ``cpu_minutes`` are minutes of one core."""

    narrow: str
    parameters: int
    cpu_minutes: float


def own_folder(system: Baseline) -> Path | None:
    """Folder of a system's shipped weights; None for systems of other packages."""
    package = home_package(system)
    return Path(str(files(package))) / "weights" if package else None


def find_own_weights(system: Baseline) -> Path | None:
    """The shipped weights file of a system; None if there is none."""
    folder = own_folder(system)
    path = folder and folder / f"{system.plain.card.name}.safetensors"
    return path if path and path.is_file() else None


def weights_or_own(system: Baseline, given: str | None) -> str | None:
    """Which weights restore a picture: those given, else the package's own where it ships any."""
    return OWN if given is None and find_own_weights(system) is not None else given


def own_weights(system: Baseline) -> Path:
    """The shipped weights file, after checking its hash."""
    path = find_own_weights(system)
    if path is None:
        raise WeightsError(
            f"the package ships no weights of {system.card.name}; give a label of "
            "'defocus-bench weights list' or a file"
        )
    check_shipped(path, own_card(path).sha256)
    return path


def own_card(path: Path) -> OwnCard:
    """Read the card of a weights file, the ``.json`` beside it."""
    return shipped_card(path, OwnCard)


def shipped_card(path: Path, kind: type[C]) -> C:
    """Read the card of a file that comes with the package; errors as of :func:`own_card`."""
    card = path.with_suffix(".json")
    with intact(card, "install the package again", WeightsError, OSError):
        document = read_json(card)
    return parse_settings(kind, document, origin=str(card))


def check_shipped(path: Path, sha256: str) -> None:
    """Check a file that comes with the package against the hash in its card."""
    if sha256_file(path) != sha256:
        raise WeightsError(
            f"{path}: damaged (its SHA-256 has changed); install the package again"
        )


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
    from defocus.storage.tensor_files import load_tensors

    check_shipped(path, narrow_card(path).sha256)
    network.load_state_dict(load_tensors(path), strict=True)
