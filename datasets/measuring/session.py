"""Pairs of one session in a dataset, and the zoom that they share.

One camera and lens, one change of aperture and focus: what the refocused lens zooms is one number.
Pairs say it of themselves: a session of ``defocus-capture`` writes it into their metadata.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from defocus.align.flow.estimator import FlowEstimator
from defocus.align.measure import Measurement
from defocus.align.registration.session import SharedZoom, shared_zoom
from defocus.datasets.measuring.kept import measured_pair, pair_keys
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError
from defocus.progress import counted, say, track

__all__ = ["OwnZoom", "measured_zoom", "only_the_aperture_changed", "session_zooms"]

SHARED = ("camera", "sharp_camera", "mode", "focus_steps")
ROLES = ("blurry", "sharp")


LEAST_GAIN_PX = 0.05
"""Of the standard error at the corners, for which a pair is worth a second measurement."""


@dataclass(frozen=True)
class OwnZoom:
    """What a pair has of itself: zoom and its standard error, None if it is unknown.

    Attributes:
        zoom: Ratio of sharp to blurry distances.
        sigma: Standard error.
        half_px: Half the picture's diagonal.
    """

    zoom: float | None
    sigma: float | None
    half_px: float

    @classmethod
    def of(cls, found: Measurement) -> "OwnZoom":
        """That of a measurement."""
        similarity, sigma = found.misalignment.similarity, found.misalignment.sigma
        half = math.hypot(*found.shape) / 2
        if similarity is None or sigma is None:
            return cls(None, None, half)
        return cls(similarity.zoom, sigma.zoom, half)

    def gains(self, shared: SharedZoom) -> bool:
        """Whether the pair is worth measuring again with that zoom."""
        if not shared.helps(self.zoom, self.sigma):
            return False
        return self.sigma is None or (self.sigma - shared.sigma) * self.half_px >= LEAST_GAIN_PX


def only_the_aperture_changed(pair: Pair) -> bool:
    """Whether the pair's metadata say that focus and camera stayed as they were."""
    return pair.metadata.get("mode") == "aperture"


def measured_zoom(dataset: Dataset, estimator: FlowEstimator) -> SharedZoom:
    """The zoom that the pairs of a dataset share, which somebody knows to be of one session.

    Args:
        dataset: Its pairs are measured, or were before.
        estimator: Estimator of the residual flow.

    Raises:
        DatasetError: Fewer than three pairs of it are known.
        ImageError: A picture cannot be read.
        StorageError: The cache cannot be written.
    """
    pairs = [pair for pair in dataset.pairs if pair.sharp is not None]
    keys = pair_keys(dataset, estimator)
    own = [
        OwnZoom.of(measured_pair(pair, estimator, keys[pair.id])[2])
        for pair in track(pairs, f"measuring {dataset.name}")
    ]
    found = _common(own, still=bool(pairs) and all(map(only_the_aperture_changed, pairs)))
    if found is None:
        known = sum(one.zoom is not None for one in own)
        raise DatasetError(
            f"{dataset.name}: the misalignment of {known} of {len(pairs)} pairs is known; a "
            "session shares its zoom from three on"
        )
    say(_told(found))
    return found


def _common(own: Sequence[OwnZoom], *, still: bool) -> SharedZoom | None:
    known = [(one.zoom, one.sigma) for one in own if one.zoom is not None and one.sigma]
    return shared_zoom([z for z, _ in known], [s for _, s in known], same_focus=still)


def session_zooms(pairs: Sequence[Pair], own: Mapping[str, OwnZoom]) -> dict[str, SharedZoom]:
    """The zoom that each pair's session shares, for the pairs that it helps; says so.

    Args:
        pairs: The pairs of a dataset; those that say nothing of their cameras belong to no session.
        own: By id, what each measured pair has of itself.
    """
    sessions: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair.id in own and "camera" in pair.metadata:
            sessions.setdefault(_shared(pair), []).append(pair)
    found: dict[str, SharedZoom] = {}
    for members in sessions.values():
        still = only_the_aperture_changed(members[0])
        zoom = _common([own[pair.id] for pair in members], still=still)
        helped = [pair.id for pair in members if zoom is not None and own[pair.id].gains(zoom)]
        if zoom is not None and helped:
            found |= dict.fromkeys(helped, zoom)
            say(f"{_told(zoom)}; {counted(len(helped), 'pair')} measured with it")
    return found


def _told(zoom: SharedZoom) -> str:
    if zoom.sigma == 0:
        return "only the aperture changed, so the zoom is 1"
    pairs = counted(zoom.pairs, "pair")
    return f"zoom of {pairs} of one session: {zoom.zoom:.5f} ± {zoom.sigma:.5f}"


def _shared(pair: Pair) -> str:
    """What decides a pair's zoom, as far as its metadata say it."""
    facts: dict[str, object] = {name: pair.metadata.get(name) for name in SHARED}
    roles = pair.metadata.get("roles")
    for role in ROLES:
        told = roles.get(role) if isinstance(roles, Mapping) else None
        exif = told.get("exif") if isinstance(told, Mapping) else None
        if isinstance(told, Mapping):
            true = told.get("true")
            facts[f"{role} aperture"] = true.get("f_number") if isinstance(true, Mapping) else None
        if isinstance(exif, Mapping):
            facts[f"{role} focal length"] = exif.get("focal_length_mm")
    return json.dumps(facts, sort_keys=True, default=str)
