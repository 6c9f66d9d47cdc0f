"""Weights that others than a system's authors trained and pass on under fixed names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

AUTHORS = "the authors of CLDefocus"
"""Who passes on the files."""

CLDEFOCUS = f"not stated by {AUTHORS} (github.com/lykelee/CLDefocus at 0671304)"


@dataclass(frozen=True)
class Released:
    """Contents of the card of a file; ``licence`` also says what is not stated."""

    trained_on: tuple[str, ...]
    licence: str


RENDERED = {
    "ours": Released(
        ("cldefocus",),
        f"{CLDEFOCUS}; trained on renderings of DPDD's training set",
    ),
    "syndof": Released(("syndof",), f"{CLDEFOCUS}; trained on renderings"),
}
"""Training data of a file by the last word of its name. CLDefocus is rendered from DPDD's sharp RAW
photographs."""

SYSTEMS = {
    "iniknet": "iniknet",
    "nafnet-w64-local": "nafnet",
    "nrknet": "nrknet",
    "restormer": "restormer",
}
"""System by its name in the name of a file."""

RELEASED: Mapping[tuple[str, str], Released] = {
    **{
        (system, f"{name}-train-{word}"): released
        for system, name in SYSTEMS.items()
        for word, released in RENDERED.items()
    },
    ("nafnet-w64-local", "nafnet-train-dpdd"): Released(("dpdd",), CLDEFOCUS),
}
"""The files by system and by name without suffix; those of the systems' authors are not here."""


_COPY = re.compile(r"[ _-]*\(\d+\)$")
"""End of the name of a second copy, as browsers write it."""


def released(system: str, files: Sequence[str]) -> Released | None:
    """What is known of the weights in files of these names; None of others."""
    return RELEASED.get((system, _name(files[0]))) if len(files) == 1 else None


def systems_of_release(file: str) -> tuple[str, ...]:
    """The systems of which a released file has that name; empty for other names."""
    name = _name(file)
    return tuple(system for system, known in RELEASED if known == name)


def _name(file: str) -> str:
    """The name of a file as its makers gave it, without suffix."""
    stem = file.partition(".")[0]
    return _COPY.sub("", stem).lower()
