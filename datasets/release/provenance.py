"""What the pictures of a dataset are: as captured, compensated, or rendered.

It is read from the metadata that 'compensate' and 'render' leave with each pair, so that no text of
a release says of a changed picture that it is as captured.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from defocus.datasets.pair import Pair

__all__ = ["kinds", "pictures_text", "sharp_text"]

_CAPTURED, _RENDERED = "as captured", "rendered"

_SHARP = {
    _CAPTURED: "The picture in focus, as captured.",
    _RENDERED: "The picture in focus, rendered from a scene.",
}

_KINDS = {
    _CAPTURED: "as captured: the pixels of the camera, or of its developed RAW files",
    _RENDERED: "rendered: blur, noise and misalignment are computed from a scene, none is a "
    "photograph of it",
}

_MODELS = {
    "photometric": "exposure alone",
    "translation": "translation",
    "similarity": "translation, rotation and zoom",
    "homography": "a homography",
    "flow": "a global transform and a local optical flow",
}


def kinds(pairs: Iterable[Pair]) -> dict[str, int]:
    """Number of pairs of each kind: ``as captured``, ``rendered``, ``compensated: MODEL``."""
    return dict(sorted(Counter(_kind(pair) for pair in pairs).items()))


def sharp_text(pairs: Iterable[Pair]) -> str:
    """One sentence on the sharp pictures of a release."""
    found = list(kinds(pairs))
    if not any(_model(kind) for kind in found):
        return " ".join(_SHARP[kind] for kind in found)
    others = [kind for kind in found if not _model(kind)]
    models = " or ".join(_told(_model(kind)) for kind in found if _model(kind))
    tail = f"; of some pairs it is {' or '.join(others)}" if others else ""
    return (
        f"The picture in focus, resampled onto the blurry one: compensated by {models}; it is not "
        f"as captured{tail}."
    )


def pictures_text(pairs: Iterable[Pair]) -> str:
    """Lines of Markdown for the card: each kind with its number of pairs and what it means."""
    known = list(pairs)
    lines = []
    for kind, number in kinds(known).items():
        model = _model(kind)
        told = _KINDS.get(kind) or (
            f"compensated: the sharp picture was aligned with the blurry one by {_told(model)}, "
            "equalised in exposure and cropped to their shared area"
        )
        lines.append(f"- {number} of {len(known)} pairs: {told}.")
    versions = sorted({one for pair in known if (one := _version(pair))})
    if versions:
        lines.append(f"- compensated with defocus {', '.join(versions)}.")
    return "\n".join(lines) + "\n"


def _kind(pair: Pair) -> str:
    compensation = pair.metadata.get("compensation")
    if isinstance(compensation, Mapping):
        return f"compensated: {compensation.get('model', 'unknown')}"
    rendered = pair.truth is not None or "true_misalignment" in pair.metadata
    return _RENDERED if rendered else _CAPTURED


def _model(kind: str) -> str:
    """The model of a compensated kind; empty for others."""
    return kind.removeprefix("compensated: ") if kind.startswith("compensated: ") else ""


def _told(model: str) -> str:
    return f"{_MODELS.get(model, 'a transform')} ('{model}')"


def _version(pair: Pair) -> str:
    compensation: Any = pair.metadata.get("compensation")
    versions = compensation.get("versions") if isinstance(compensation, Mapping) else None
    return str(versions.get("defocus", "")) if isinstance(versions, Mapping) else ""
