"""Results of an audit as rows, and as numbers over all pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from defocus.align.sharp_member.numbers import NUMBERS
from defocus.datasets.audit.pair_audit import (
    FIELD_OF,
    STATUSES,
    AuditedPair,
    NearDuplicate,
)
from defocus.datasets.audit.run import Audit
from defocus.processes.isolation import LeftOut
from defocus.reading import Json

WITHOUT_COLUMN = ("blur_quantiles_px", "spread", "sharp_member", "fingerprints")
ONE_VALUE = tuple(column for column in FIELD_OF if column not in WITHOUT_COLUMN)
COLUMNS = (*ONE_VALUE, *NUMBERS)
"""Columns of ``audit.csv``: the fields of :class:`AuditedPair` that are one value, and the tests of
the sharp member."""


@dataclass(frozen=True)
class Quantity:
    """A column of the table whose distribution over the pairs is shown."""

    name: str
    title: str
    unit: str
    size: Callable[[float], float] = abs  # larger for a worse pair


QUANTITIES = (
    Quantity("misalignment_px", "misalignment", "px"),
    Quantity("residual_p95_px", "residual flow, 95th percentile", "px"),
    Quantity("gain_ev", "exposure, blurry over sharp", "EV"),
    Quantity("vignetting_ev", "vignetting, at the corners", "EV"),
    Quantity("unexplained_stops", "what the blur does not explain", "stops"),
    Quantity("blur_p95_px", "blur diameter, 95th percentile", "px"),
    Quantity("sharpness", "sharpness of the sharp member", "", lambda value: -value),
)


def row_of(pair: AuditedPair) -> Json:
    """The row of a pair, with :data:`COLUMNS`."""
    values = {column: getattr(pair, FIELD_OF[column]) for column in ONE_VALUE}
    tests = {name: getattr(pair.sharp_member, name, None) for name in NUMBERS}
    return values | tests


def values(
    pairs: Sequence[AuditedPair], name: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The known values of one column, float64, in the order of the pairs."""
    cells = [getattr(pair, FIELD_OF[name]) for pair in pairs]
    return np.array([value for value in cells if value is not None], dtype=np.float64)


def summary(pairs: Sequence[AuditedPair]) -> dict[str, dict[str, float | int | None]]:
    """For each quantity: count, median, 95th percentile of its size, largest size."""
    result: dict[str, dict[str, float | int | None]] = {}
    for quantity in QUANTITIES:
        numbers = values(pairs, quantity.name)
        sizes = np.abs(numbers)
        result[quantity.name] = {
            "count": len(numbers),
            "median": float(np.median(numbers)) if len(numbers) else None,
            "p95": float(np.quantile(sizes, 0.95)) if len(numbers) else None,
            "max": float(sizes.max()) if len(numbers) else None,
        }
    return result


def worst(
    pairs: Sequence[AuditedPair], quantity: Quantity, count: int
) -> list[AuditedPair]:
    """The worst pairs by a quantity, worst first."""
    name = FIELD_OF[quantity.name]
    measured = [pair for pair in pairs if getattr(pair, name) is not None]
    return sorted(measured, key=lambda pair: -quantity.size(getattr(pair, name)))[
        :count
    ]


def above(pairs: Sequence[AuditedPair], limit_px: float) -> list[AuditedPair]:
    """The pairs with a misalignment above a limit, worst first."""
    ordered = worst(pairs, QUANTITIES[0], len(pairs))
    return [pair for pair in ordered if (pair.misalignment_px or 0.0) > limit_px]


def document(audit: Audit, limit_px: float | None) -> Json:
    """The audit as one JSON document."""
    return {
        "dataset": audit.dataset,
        "content_hash": audit.content_hash,
        "estimator": audit.estimator,
        **audit.limits.to_json(),
        "counts": {name: audit.statuses.count(name) for name in STATUSES},
        "summary": summary(audit.pairs),
        "sessions": [one.to_json() for one in audit.sessions],
        "fail_above_px": limit_px,
        "above": None
        if limit_px is None
        else [pair.id for pair in above(audit.pairs, limit_px)],
        "left_out": [one.to_json() for one in audit.left_out],
        "near_duplicates": list(map(asdict, audit.duplicates)),
        "same_places": list(map(asdict, audit.same_places)),
        "warnings": list(map(asdict, audit.warnings)),
        "suspects": {
            name: list(map(asdict, several)) for name, several in audit.suspects.items()
        },
        "pairs": [
            {**row_of(pair), "blur_quantiles_px": pair.blur_quantiles_px}
            for pair in audit.pairs
        ],
    }


@dataclass(frozen=True)
class AuditFailures:
    """Reasons for which a dataset fails."""

    # above the limit, worst first; empty without a limit
    misaligned: tuple[AuditedPair, ...]
    same: tuple[AuditedPair, ...]  # both members have the same pixels
    unreadable: tuple[LeftOut, ...]  # damaged, of two sizes, or left out unread
    # not shown to be aligned: their misalignment is unknown
    unknown: tuple[AuditedPair, ...]
    leaks: tuple[NearDuplicate, ...]  # pictures in two splits
    measured: bool  # whether a pair was measured; else none is shown to be aligned

    @property
    def any(self) -> bool:
        """Whether the dataset fails."""
        reasons = (
            self.misaligned,
            self.same,
            self.unreadable,
            self.unknown,
            self.leaks,
        )
        return not self.measured or any(reasons)


def failures(audit: Audit, limit_px: float | None) -> AuditFailures:
    """Reasons for which a dataset fails by its audit.

    Without a limit no pair counts as misaligned."""

    def of_status(status: str) -> tuple[AuditedPair, ...]:
        return tuple(pair for pair in audit.pairs if pair.status == status)

    return AuditFailures(
        () if limit_px is None else tuple(above(audit.pairs, limit_px)),
        tuple(pair for pair in audit.pairs if pair.same_picture),
        audit.left_out,
        of_status("unknown"),
        audit.duplicates,
        bool(of_status("ok")),
    )


def failing_pairs(failing: AuditFailures) -> dict[str, list[str]]:
    """Why each failing pair fails, by its id; the most misaligned first, leaks last."""
    reasons: dict[str, list[str]] = {}
    for name, reason in _reasons(failing):
        reasons.setdefault(name, []).append(reason)
    return reasons


def _reasons(failing: AuditFailures) -> Iterator[tuple[str, str]]:
    # three digits: one just above the limit is not rounded to it
    for pair in failing.misaligned:
        sigma = pair.misalignment_sigma_px
        error = "" if sigma is None else f" ± {sigma:.3f}"
        yield pair.id, f"misaligned by {pair.misalignment_px:.3f}{error} px in the mean"
    for pair in failing.same:
        yield pair.id, "blurry and sharp are the same picture"
    for unread in failing.unreadable:
        yield unread.id, f"unreadable: {unread.reason}"
    for pair in failing.unknown:
        yield pair.id, f"misalignment unknown: {pair.reason}"
    yield from _leaking(failing.leaks)


def _leaking(leaks: Sequence[NearDuplicate]) -> Iterator[tuple[str, str]]:
    """Both pairs of a leak; one with several twins names the first and counts the others."""
    twins: dict[str, list[str]] = {}
    for leak in leaks:
        first, second = (f"{leak.relation} {one}" for one in (leak.first, leak.second))
        twins.setdefault(leak.first, []).append(f"{second} ({leak.splits[1]})")
        twins.setdefault(leak.second, []).append(f"{first} ({leak.splits[0]})")
    for name, others in twins.items():
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield name, f"in two splits: {others[0]}{more}"
