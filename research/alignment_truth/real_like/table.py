"""Table of the methods on pairs with a known warp."""

from collections.abc import Mapping

from research.alignment_truth.failures import (
    FAILURE_PX,
    RegistrationTrial,
    count_failures,
)
from research.alignment_truth.real_like.peers import OURS
from research.alignment_truth.real_like.score import (
    RAW,
    TRUE,
    MethodMeans,
    ScoredPairs,
    method_means,
)
from research.markdown import number_or_dash, table

CLEARLY_PX = 0.05
"""Least difference of the errors at a corner, px, that is more than chance."""
HEAD = (
    "method",
    "answered",
    "corner error, median px",
    "95 %",
    "> 1 px",
    "PSNR, dB",
    "PSNR where all answer, dB",
    "CPU s",
)


def real_like_table(pairs: ScoredPairs) -> str:
    """A heading, what the best of the others has, and one row for each method, as Markdown."""
    means = method_means(pairs)
    medians = []
    for name, one in means.items():
        if name not in (*OURS, TRUE, RAW) and one.median_px is not None:
            medians.append((one.median_px, name))
    least_px, best = min(medians)
    within, said = _within_errors(pairs)
    own_px = number_or_dash(means[OURS[0]].median_px)
    note = (
        f"Least median error of the others: {best}, {least_px:.2f} px, against "
        f"{own_px} px. {within} of {said} of our transforms lie "
        f"within two of the standard errors that are given with them. {_rare(pairs)} "
        f"{_where_better(pairs, best)}"
    )
    return f"### {len(pairs)} real-like pairs with a known warp\n\n{note}\n\n{method_table(means)}"


def _within_errors(pairs: ScoredPairs) -> tuple[int, int]:
    """How many of our transforms are within two of their errors, and how many state an error."""
    within = 0
    said = 0
    for pair in pairs:
        own = pair[OURS[0]]
        if own.corner_px is not None and own.sigma_px is not None:
            said += 1
            within += own.corner_px <= 2 * own.sigma_px
    return within, said


def method_table(means: Mapping[str, MethodMeans]) -> str:
    """One row for each method, as Markdown."""
    rows = []
    for name, one in means.items():
        cells = [
            name,
            f"{one.answered}/{one.pairs}",
            number_or_dash(one.median_px),
            number_or_dash(one.p95_px),
            str(one.wrong),
            number_or_dash(one.psnr_db, 1),
            number_or_dash(one.common_db, 1),
            number_or_dash(one.seconds),
        ]
        rows.append(cells)
    return table(HEAD, rows)


def _rare(pairs: ScoredPairs) -> str:
    """How far off the worst of our answers is, and what so many pairs say of rare failures."""
    errors = [pair[OURS[0]].corner_px for pair in pairs]
    trials = [RegistrationTrial(error, 0.0) for error in errors]
    bound = count_failures(trials).bound
    worst = max((error for error in errors if error is not None), default=None)
    return (
        f"The worst of them is off by {number_or_dash(worst)} px; with 95 % confidence, fewer than "
        f"{100 * bound:.1f} % of such pairs are off by more than {FAILURE_PX:g} px."
    )


def _where_better(pairs: ScoredPairs, name: str) -> str:
    """Number of pairs in which another method is more exact than ours."""
    gains = []
    for pair in pairs:
        own_px = pair[OURS[0]].corner_px
        others_px = pair[name].corner_px
        if own_px is not None and others_px is not None:
            gain = own_px - others_px
            gains.append(gain)
    better = sum(gain > 0.0 for gain in gains)
    clearly = sum(gain > CLEARLY_PX for gain in gains)
    return (
        f"{name} is more exact than ours in {better} pairs, in {clearly} of them by more than "
        f"{CLEARLY_PX:g} px."
    )
