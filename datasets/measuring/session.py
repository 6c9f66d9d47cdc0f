"""Pairs of one session in a dataset, and what they share.

One camera and lens, one change of aperture and focus: what the refocused lens zooms is one number,
and so is the asymmetry of its point spread.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from defocus.align.flow.estimator import FlowEstimator
from defocus.align.registration.session import OwnZoom, SessionLens, session_lens
from defocus.datasets.measuring.kept import measured_pair, pair_keys
from defocus.datasets.measuring.which_session import PairSession, session_of
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError
from defocus.progress import counted, say, track

__all__ = ["measured_lens", "session_lenses"]


def measured_lens(dataset: Dataset, estimator: FlowEstimator, blurry: Path) -> SessionLens:
    """What the pairs of a dataset share, which somebody knows to be of one session.

    Args:
        dataset: Its pairs are measured, or were before.
        estimator: Estimator of the residual flow.
        blurry: Blurry member of the pair that they are asked for. If it is in the dataset, and its
            pairs say that they are of several sessions, those of its own count.

    Raises:
        DatasetError: Fewer than three pairs of it are known, or they are of several sessions, none
            of which has the pair.
        ImageError: A picture cannot be read.
        StorageError: The cache cannot be written.
    """
    pairs = _of_one_session(dataset, blurry)
    keys = pair_keys(dataset, estimator)
    measured = (
        measured_pair(pair, estimator, keys[pair.id])[2]
        for pair in track(pairs, f"measuring {dataset.name}")
    )
    own = [OwnZoom.of(one.registration, one.shape) for one in measured]
    sessions = [session_of(pair) for pair in pairs]
    still = bool(pairs) and all(one is not None and one.same_focus for one in sessions)
    found = session_lens(own, same_focus=still)
    if found is None:
        known = sum(one.zoom is not None for one in own)
        raise DatasetError(
            f"{dataset.name}: the misalignment of {known} of {len(pairs)} pairs is known; a "
            "session shares its zoom from three on"
        )
    say(_told(found))
    return found


def _of_one_session(dataset: Dataset, blurry: Path) -> list[Pair]:
    """The pairs of one session: all, unless they say that they are of several."""
    pairs = [pair for pair in dataset.pairs if pair.sharp is not None]
    told = [session_of(pair) for pair in pairs]
    several = len(set(told) - {None})
    if several < 2:
        return pairs
    for pair, session in zip(pairs, told, strict=True):
        if session is not None and pair.blurry.resolve() == blurry.resolve():
            return [one for one, other in zip(pairs, told, strict=True) if other == session]
    raise DatasetError(
        f"{dataset.name}: its pairs are of {several} sessions by camera, lens, aperture and focus, "
        f"and {blurry.name} is not one of them; give a dataset of one session"
    )


def session_lenses(pairs: Sequence[Pair], own: Mapping[str, OwnZoom]) -> dict[str, SessionLens]:
    """What each pair's session shares, for the pairs that it helps; says so.

    Args:
        pairs: The pairs of a dataset; those that say nothing of their cameras belong to no session.
        own: By id, what each measured pair has of itself.
    """
    sessions: dict[PairSession, list[Pair]] = {}
    for pair in pairs:
        session = session_of(pair) if pair.id in own else None
        if session is not None:
            sessions.setdefault(session, []).append(pair)
    found: dict[str, SessionLens] = {}
    for session, members in sessions.items():
        lens = session_lens([own[pair.id] for pair in members], same_focus=session.same_focus)
        if lens is None:
            continue
        helped = [
            pair.id
            for pair in members
            if own[pair.id].gains(lens) and (session.one_change or own[pair.id].zoom is not None)
        ]
        if helped:
            found |= dict.fromkeys(helped, lens)
            say(f"{_told(lens)}; {counted(len(helped), 'pair')} measured with it")
    return found


def _told(lens: SessionLens) -> str:
    """What pairs share, in words."""
    zoom, spread = lens.zoom, lens.asymmetry
    if zoom is not None and zoom.sigma == 0:
        return "only the aperture changed, so the zoom is 1"
    told = [f"zoom {zoom.value:.5f} ± {zoom.sigma:.5f}"] if zoom else []
    # of a point in the blurry member, which is displaced against the flow
    told += [f"asymmetry {-spread.value:z.3f} ± {spread.sigma:.3f}"] if spread else []
    return f"{counted(lens.pairs, 'pair')} of one session: {', '.join(told)}"
