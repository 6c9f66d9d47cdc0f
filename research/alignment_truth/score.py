"""End-point error by class of pixel, for one pair and summed over many."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from research.alignment_truth.methods import Answer
from research.alignment_truth.rendered.pair import TruthPair
from research.light import Mask

COC_BINS = ((0, 4), (4, 10), (10, 20), (20, 41))
"""Diameters of the circle of confusion in px; the last holds 40 itself."""

FLOW_BINS = ((0, 4), (4, 12), (12, 24), (24, np.inf))
"""Lengths of the true flow, px."""

RIGHT_PX = 0.5
"""Mean error, px, below which a pair's reliable pixels count as right."""


@dataclass(frozen=True)
class PairScore:
    """Score of a method's answer for a pair."""

    answered: bool  # False if the method reported ``unknown``
    seconds: float  # CPU
    # end-point errors (px) and number of pixels, by class of pixel
    sums: Mapping[str, tuple[float, int]]
    # of the pixels with a counterpart, those marked as reliable
    reliable_share: float | None = None
    # of the pixels marked as reliable, those without a counterpart
    believed_without: float | None = None

    def mean(self, name: str) -> float | None:
        """Mean end-point error of a class, px; None if it has no pixel."""
        total, count = self.sums.get(name, (0.0, 0))
        return total / count if count else None


def score(pair: TruthPair, answer: Answer, seconds: float) -> PairScore:
    """Compare a method's answer with the truth, over pixels with a counterpart.

    The bins of blur and flow leave out pixels near occluding edges, a class for themselves."""
    if answer.flow is None:
        return PairScore(False, seconds, {})
    across, down = answer.flow - pair.flow
    error = np.hypot(across, down).astype(np.float64)
    masks = _classes(pair)
    shares: tuple[float | None, float | None] = None, None
    if answer.reliable is not None:
        reliable = pair.inside & answer.reliable
        masks["reliable"] = reliable
        masks["reliable, coc <= 10"] = reliable & (pair.coc_px <= 10)
        shares = (
            _share(reliable, pair.inside),
            _share(answer.reliable & ~pair.inside, answer.reliable),
        )
    sums = {}
    for name, mask in masks.items():
        total = float(error[mask].sum())
        sums[name] = (total, int(mask.sum()))
    return PairScore(True, seconds, sums, *shares)


def _share(part: Mask, whole: Mask) -> float:
    """Pixels of a part over those of the whole."""
    return float(part.sum() / max(int(whole.sum()), 1))


def _classes(pair: TruthPair) -> dict[str, Mask]:
    plain = pair.inside & ~pair.edge
    length = np.hypot(*pair.flow)
    masks = {
        "all": pair.inside,
        "edge": pair.inside & pair.edge,
        "coc <= 10": plain & (pair.coc_px <= 10),
        "blurred": plain & (pair.coc_px >= COC_BINS[0][1]),
    }
    binned = (("coc", pair.coc_px, COC_BINS), ("flow", length, FLOW_BINS))
    for name, values, bins in binned:
        for low, high in bins:
            within = (values >= low) & (values < high)
            masks[f"{name} {low}-{high}"] = plain & within
    return masks


@dataclass(frozen=True)
class Summary:
    """A method's scores over the pairs that it answered."""

    pairs: int
    answered: int
    mean_px: Mapping[str, float]  # end-point error, by class of pixel
    reliable_share: float | None  # mean, of the pixels with a counterpart
    believed_without: float | None  # mean, of the reliable pixels
    right_share: float | None  # of the answered pairs, below 0.5 px on reliable pixels
    seconds: float  # CPU, mean


def summary(scores: Sequence[PairScore]) -> Summary:
    """Summarise a method's scores; every pixel of a class has the same weight."""
    answered = [one for one in scores if one.answered]
    means = {}
    for name in classes_of(answered):
        mean_px = _mean(answered, name)
        if mean_px is not None:
            means[name] = mean_px
    telling = [one for one in answered if one.reliable_share is not None]
    right = []
    for one in telling:
        reliable_px = one.mean("reliable")
        right.append(reliable_px is not None and reliable_px < RIGHT_PX)
    return Summary(
        pairs=len(scores),
        answered=len(answered),
        mean_px=means,
        reliable_share=mean_of_known(one.reliable_share for one in telling),
        believed_without=mean_of_known(one.believed_without for one in telling),
        right_share=mean_of_known(right),
        seconds=mean_of_known(one.seconds for one in scores) or 0.0,
    )


def classes_of(scores: Iterable[PairScore]) -> list[str]:
    """The classes of pixels that some pair has, each once."""
    names: dict[str, None] = {}
    for one in scores:
        names |= dict.fromkeys(one.sums)
    return list(names)


def answered_by_all(scores: Mapping[str, Sequence[PairScore]]) -> list[bool]:
    """For each pair, whether every method answered, so that methods can be compared."""
    answered = []
    for pair in zip(*scores.values(), strict=True):
        by_method = [score.answered for score in pair]
        answered.append(all(by_method))
    return answered


def ratio(
    reference: Sequence[PairScore],
    scores: Sequence[PairScore],
    name: str = "blurred",
) -> float | None:
    """Mean error of the reference divided by that of the method."""
    theirs = _mean(reference, name)
    own = _mean(scores, name)
    return None if theirs is None or not own else theirs / own


def _mean(scores: Sequence[PairScore], name: str) -> float | None:
    errors = 0.0
    pixels = 0
    for one in scores:
        total, count = one.sums.get(name, (0.0, 0))
        errors += total
        pixels += count
    return errors / pixels if pixels else None


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
