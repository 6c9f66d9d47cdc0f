"""Pairs whose sharp member differs from those of its session, or of its dataset."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from defocus.align.photometry.unexplained import (
    MOST_BLURRIER_SHARE,
    MOST_STOPS,
    MOST_TILT_EV,
)
from defocus.align.sharp_member.discs import with_resting_discs
from defocus.align.sharp_member.suspicion import (
    LEAST_OTHERS,
    Suspicion,
    numbers_of,
    suspicions,
)
from defocus.datasets.audit.members import Warned
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.measuring.session import PairSession

SAID_BESIDE = {
    "moved_stops": MOST_STOPS,
    "blurrier_share": MOST_BLURRIER_SHARE,
    "tilt_ev": MOST_TILT_EV,
}
"""Limits from which a number of a pair is reported in words of its own, without other pairs to
compare with."""

OF_LESS_SHARP = (
    "smear",
    "bands_ev",
    "tilt_ev",
    "corner_ev",
    "gain_ev",
    "red_ev",
    "blue_ev",
    "enlarged",
    "block_codes",
)
"""Numbers that are compared if the sharp member is the less sharp one: the motion that may have
blurred it, differences of light and traces in its file, which do not depend on sharpness."""


def suspects(
    rows: Sequence[AuditedPair], session_of: Mapping[str, PairSession]
) -> dict[str, tuple[Suspicion, ...]]:
    """Oddities of pairs in comparison with others, by id; the most suspicious pair comes first.

    A session of enough pairs is judged by itself, all other pairs of the dataset together."""
    numbers = {row.id: _numbers(row) for row in rows if _is_compared(row)}
    sizes = Counter(session_of.get(name) for name in numbers)
    groups: dict[PairSession | None, dict[str, dict[str, float]]] = {}
    for name, values in numbers.items():
        session = session_of.get(name)
        group = session if sizes[session] > LEAST_OTHERS else None
        groups.setdefault(group, {})[name] = values
    discs = _dark_discs(rows)
    judged: dict[str, tuple[Suspicion, ...]] = {}
    for together in groups.values():
        judged |= suspicions(with_resting_discs(together, discs))
    return dict(sorted(judged.items(), key=lambda item: -item[1][0].size))


def _dark_discs(
    rows: Sequence[AuditedPair],
) -> dict[str, tuple[tuple[float, float], ...]]:
    """The dark discs of each sharp member that was measured, by the pair's id."""
    return {
        row.id: row.sharp_member.dark_discs
        for row in rows
        if row.sharp_member is not None
    }


def _is_compared(row: AuditedPair) -> bool:
    """Whether a pair was measured; one picture twice is reported as that."""
    return row.unexplained is not None and not row.same_picture


def _numbers(row: AuditedPair) -> dict[str, float]:
    """The numbers of a row that are compared with those of others.

    Of a sharp member that is the less sharp one, detail and dust say nothing."""
    rest = row.unexplained
    numbers = {} if rest is None else numbers_of(rest.to_json())
    more = {"gain_ev": row.gain_ev, "residual_p95_px": row.residual_p95_px}
    numbers |= {name: value for name, value in more.items() if value is not None}
    if row.less_sharp:
        return {name: numbers[name] for name in OF_LESS_SHARP if name in numbers}
    return numbers


def of_suspects(
    rows: Sequence[AuditedPair], suspected: Mapping[str, tuple[Suspicion, ...]]
) -> Iterator[Warned]:
    """Warnings on suspicious pairs, the most suspicious first."""
    by_id = {row.id: row for row in rows}
    for name, several in suspected.items():
        for one in several:
            limit = SAID_BESIDE.get(one.number)
            if limit is None or one.value <= limit or not by_id[name].causes:
                text = f"{one.text} (suspicion {one.size:.1f})"
                yield Warned(name, "sharp member", text)
