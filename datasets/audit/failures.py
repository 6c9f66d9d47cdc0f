"""Which pairs of an audited dataset fail, and why: the verdict of the page and of the exit code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from defocus.datasets.audit.pairs.duplicates import NearDuplicate
from defocus.datasets.audit.pairs.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit
from defocus.datasets.audit.table import above
from defocus.isolation import LeftOut

__all__ = ["AuditFailures", "failing_pairs", "failures"]


@dataclass(frozen=True)
class AuditFailures:
    """What makes a dataset fail."""

    misaligned: tuple[AuditedPair, ...]  # above the limit, worst first; empty without a limit
    same: tuple[AuditedPair, ...]  # both members have the same pixels
    unreadable: tuple[LeftOut, ...]  # damaged, of two sizes, or left out unread
    unknown: tuple[AuditedPair, ...]  # not shown to be aligned: their misalignment is unknown
    leaks: tuple[NearDuplicate, ...]  # pictures in two splits
    measured: bool  # whether a pair was measured; else none is shown to be aligned

    @property
    def any(self) -> bool:
        """Whether the dataset fails."""
        found = (self.misaligned, self.same, self.unreadable, self.unknown, self.leaks)
        return not self.measured or any(found)


def failures(audit: Audit, limit_px: float | None) -> AuditFailures:
    """What makes a dataset fail by its audit; without a limit no pair is misaligned."""

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


def failing_pairs(found: AuditFailures) -> dict[str, list[str]]:
    """Why each failing pair fails, by its id; the most misaligned first, leaks last."""
    reasons: dict[str, list[str]] = {}
    for name, reason in _reasons(found):
        reasons.setdefault(name, []).append(reason)
    return reasons


def _reasons(found: AuditFailures) -> Iterator[tuple[str, str]]:
    for pair in found.misaligned:  # three digits: one just above the limit is not rounded to it
        sigma = pair.misalignment_sigma_px
        error = "" if sigma is None else f" ± {sigma:.3f}"
        yield pair.id, f"misaligned by {pair.misalignment_px:.3f}{error} px in the mean"
    for pair in found.same:
        yield pair.id, "blurry and sharp are the same picture"
    for unread in found.unreadable:
        yield unread.id, f"unreadable: {unread.reason}"
    for pair in found.unknown:
        yield pair.id, f"misalignment unknown: {pair.reason}"
    yield from _leaking(found.leaks)


def _leaking(leaks: Sequence[NearDuplicate]) -> Iterator[tuple[str, str]]:
    """Both pairs of a leak; one with several twins names the first and counts the others."""
    twins: dict[str, list[str]] = {}
    for leak in leaks:
        twins.setdefault(leak.first, []).append(f"{leak.second} ({leak.splits[1]})")
        twins.setdefault(leak.second, []).append(f"{leak.first} ({leak.splits[0]})")
    for name, others in twins.items():
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield name, f"in two splits: nearly the same picture as {others[0]}{more}"
