"""Weights that others than a system's authors trained and pass on under fixed names."""

from collections.abc import Mapping
from dataclasses import dataclass

CLDEFOCUS = (
    "not stated by the authors of CLDefocus (github.com/lykelee/CLDefocus at 0671304)"
)


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
