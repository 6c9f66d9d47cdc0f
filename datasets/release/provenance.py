"""What the pictures of a dataset are, what they were taken with, and which steps made it.

Read from the pairs' metadata, so that no text calls a changed picture as captured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from defocus.datasets.pair import MakingStep, Pair
from defocus.settings import Settings

Setting = tuple[str, str]
"""A fact about how the pictures were taken: its name, and its values with numbers of pairs."""

_CAPTURED, _RENDERED, _FUSED, _REDUCED = "as captured", "rendered", "fused", "reduced"
_CHANGED = "compensated: "

_SHARP = {
    _CAPTURED: "The picture in focus, as captured.",
    _RENDERED: "The picture in focus, rendered from a scene.",
    _FUSED: "The picture in focus everywhere, fused from a focus stack; it is not as captured.",
    _REDUCED: "The picture in focus, made smaller than it was captured.",
}

_SOURCES = {
    _RENDERED: "it was rendered from a scene",
    _FUSED: "it was fused from a focus stack",
    _REDUCED: "it was made smaller",
}

_KINDS = {
    _CAPTURED: "as captured: the pixels of the camera, or of its developed RAW files",
    _RENDERED: "rendered: blur, noise and misalignment are computed from a scene, none is a "
    "photograph of it",
    _FUSED: "fused: the blurry picture is a frame of a focus stack as captured, the sharp one is "
    "made of all its frames, each place of the one that is in focus there",
    _REDUCED: "reduced: parts of captured pictures that were made smaller",
}

_MODELS = {
    "photometric": "exposure alone",
    "translation": "translation",
    "similarity": "translation, rotation and zoom",
    "homography": "a homography",
    "global": "one transform of the whole picture",
    "flow": "a global transform and a local optical flow",
}


class Number(Settings):
    """A quantity of the audit over all pairs where it is known; sizes for ``p95`` and ``max``."""

    title: str
    unit: str
    count: int
    median: float
    p95: float
    max: float


def kinds(pairs: Iterable[Pair]) -> dict[str, int]:
    """Number of pairs of each kind, such as ``as captured`` or ``rendered, compensated: flow``."""
    return dict(sorted(Counter(map(_kind, pairs)).items()))


def sharp_text(pairs: Iterable[Pair]) -> str:
    """One sentence on the sharp pictures of a release."""
    names = list(kinds(pairs))
    changed = list(filter(_model, names))
    if not changed:
        return " ".join(_SHARP[kind] for kind in names)
    others = [kind for kind in names if kind not in changed]
    models = " or ".join(dict.fromkeys(_told(_model(kind)) for kind in changed))
    parts = [f"compensated by {models}", "it is not as captured"]
    for source, text in _SOURCES.items():
        if number := sum(kind.startswith(source) for kind in changed):
            parts.append(text if number == len(changed) else f"of some pairs {text}")
    if others:
        parts.append(f"of some pairs it is {' or '.join(others)}")
    return f"The picture in focus, resampled onto the blurry one: {'; '.join(parts)}."


def pictures_text(pairs: Iterable[Pair]) -> str:
    """Lines of Markdown for the card: each kind with its number of pairs and what it means."""
    every = list(pairs)
    lines = []
    for kind, number in kinds(every).items():
        parts = [text for name, text in _KINDS.items() if kind.startswith(name)]
        if model := _model(kind):
            parts.append(
                f"compensated: the sharp picture was aligned with the blurry one by {_told(model)},"
                " equalised in exposure and cropped to their shared area"
            )
        lines.append(f"- {number} of {len(every)} pairs: {'; '.join(parts)}.")
    versions = sorted(set(filter(None, map(_version, every))))
    if versions:
        lines.append(f"- compensated with defocus {', '.join(versions)}.")
    return "\n".join(lines) + "\n"


def _kind(pair: Pair) -> str:
    source = _source(pair)
    compensation = pair.metadata.get("compensation")
    if not isinstance(compensation, Mapping):
        return source
    changed = f"{_CHANGED}{compensation.get('model', 'unknown')}"
    return changed if source == _CAPTURED else f"{source}, {changed}"


def _source(pair: Pair) -> str:
    """Origin of the pictures of a pair before any compensation."""
    if pair.truth is not None or "true_misalignment" in pair.metadata:
        return _RENDERED
    if _value(pair.metadata, "focus_stack.sharp") is not None:
        return _FUSED
    if _value(pair.metadata, "patch.scale") not in {None, 1}:
        return _REDUCED
    return _CAPTURED


def _model(kind: str) -> str:
    """The model of a compensated kind; empty for others."""
    return kind.partition(_CHANGED)[2]


def _told(model: str) -> str:
    return f"{_MODELS.get(model, 'a transform')} ('{model}')"


def _version(pair: Pair) -> str:
    compensation: Any = pair.metadata.get("compensation")
    versions = (
        compensation.get("versions") if isinstance(compensation, Mapping) else None
    )
    return str(versions.get("defocus", "")) if isinstance(versions, Mapping) else ""


_SETTINGS = (
    ("camera", "camera.model"),
    ("lens", "camera.lens"),
    ("capture", "mode"),
    ("f-number", "lens.f_number"),
    ("focal length, mm", "lens.focal_length_mm"),
    ("focus distance, mm", "lens.focus_distance_mm"),
    ("aperture, blurry", "roles.blurry.got.aperture"),
    ("aperture, sharp", "roles.sharp.got.aperture"),
    ("exposure, blurry, s", "roles.blurry.got.shutter"),
    ("exposure, sharp, s", "roles.sharp.got.shutter"),
    ("ISO, blurry", "roles.blurry.got.iso"),
    ("place", "place"),
)
"""Facts of a pair's metadata that may be shown: rendered pairs have a lens, captured ones roles."""
_LISTED = 8


def settings_of(pairs: Sequence[Pair]) -> tuple[Setting, ...]:
    """Camera, optics and exposures from the metadata of the pairs; empty where it has none."""
    rows = []
    for title, path in _SETTINGS:
        counts = Counter[str]()
        for pair in pairs:
            value = _value(pair.metadata, path)
            if value is not None:
                counts[str(value)] += 1
        if counts:
            common = counts.most_common(_LISTED)
            shown = ", ".join(f"{value} ({count})" for value, count in common)
            more = ""
            if len(counts) > _LISTED:
                more = f" and {len(counts) - _LISTED} others"
            rows.append((title, shown + more))
    return tuple(rows)


def _value(metadata: object, path: str) -> object:
    """The value at a path of keys, or None."""
    for key in path.split("."):
        if not isinstance(metadata, Mapping):
            return None
        metadata = metadata.get(key)
    return metadata


def taken_with_text(settings: Iterable[Setting]) -> str:
    """Lines of Markdown: what the pictures were taken with."""
    return "".join(f"- {title}: {values}.\n" for title, values in settings)


def dropped_text(steps: Iterable[MakingStep]) -> str:
    """How many pairs the steps left out and why; empty if none did."""
    parts = []
    for one in steps:
        unknown = one.settings.get("left_out")
        rejected = one.settings.get("rejected")
        if unknown:
            parts.append(f"{unknown} that could not be aligned or read")
        if rejected:
            reasons = one.settings.get("rejected_for")
            parts.append(
                f"{rejected} by the rules" + (f": {reasons}" if reasons else "")
            )
    return "; ".join(parts)


def steps_text(steps: Iterable[MakingStep]) -> str:
    """Lines of Markdown: each step with its version and settings."""
    lines = []
    for step in steps:
        words = ", ".join(_shown(name, value) for name, value in step.settings.items())
        lines.append(f"- {step.step} (defocus {step.version}): {words}.\n")
    return "".join(lines)


_TRUTHS = {
    "official": ("the authors' own splits", "splits drawn by scene"),
    "sharper": (
        "the sharp picture must be the sharper one",
        "either picture may be the sharper one",
    ),
}
"""Settings that are true or false, in words for both."""


def _shown(name: str, value: object) -> str:
    if not isinstance(value, bool):
        return f"{name} {value}"
    yes, no = _TRUTHS.get(name, (f"{name}: yes", f"{name}: no"))
    return yes if value else no


def numbers_text(numbers: Iterable[Number]) -> list[str]:
    """A sentence for each number of the audit."""
    sentences = []
    for one in numbers:
        spread = f"median {one.median:.3g}, 95th percentile {one.p95:.3g}"
        largest = f"{one.max:.3g} {one.unit}".rstrip()
        sentences.append(
            f"{one.title}: {spread}, largest {largest} ({one.count} pairs)."
        )
    return sentences
