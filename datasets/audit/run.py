"""Audit every pair of a dataset in parallel; finished pairs are kept by their content."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from defocus.align.motion_limits import NO_LIMITS, MotionLimits
from defocus.align.registration.asymmetry import TileAsymmetry
from defocus.align.registration.session import ZOOMED_MODELS, OwnZoom, SessionLens
from defocus.align.registration.unknown_causes import resting_on
from defocus.align.sharp_member.numbers import SharpMember
from defocus.align.sharp_member.suspicion import Suspicion
from defocus.cache import keeping
from defocus.cluster.dispatcher import each
from defocus.datasets.audit.members import Warned, WorstMembers, warnings_of
from defocus.datasets.audit.pair_audit import (
    FIELD_OF,
    STATUSES,
    AuditedPair,
    Keyed,
    Measured,
    NearDuplicate,
    audit_pair,
    named_estimator,
    near_duplicates,
    unreadable,
)
from defocus.datasets.audit.suspects import of_suspects, suspects
from defocus.datasets.copies.of_dataset import shared_pictures
from defocus.datasets.measuring.kept import (
    InSession,
    is_kept,
    kept_file,
    pair_keys,
    session_key,
)
from defocus.datasets.measuring.revision import MEASURING_REVISION
from defocus.datasets.measuring.session import (
    PairSession,
    PooledSession,
    lenses_of,
    pooled_sessions,
    say_sessions,
    sessions_of,
)
from defocus.datasets.pair import SPLITS, Dataset, Pair
from defocus.likeness import SAME_PIXELS, fingerprint_of
from defocus.processes.isolation import Killed, LeftOut
from defocus.processes.machines import Machines, Where
from defocus.progress import say, track
from defocus.reading import Json, read_json
from defocus.storage.files import make_folder, write_json

AUDIT_REVISION = 1
"""Revision of a row's facts besides the measurement. Raise it when a number or a word of it
changes."""

AUDITED = [MEASURING_REVISION, AUDIT_REVISION]
"""Revisions by which a kept row was made."""

CLIPPED_WARN = 0.05
"""Share of clipped pixels of a member from which it is reported: skies and lamps are clipped on
purpose."""
NESTED = ("spread", "sharp_member")
TEXTS = ("id", "scene", "split", "status", "reason", "model")
NUMBERS = set(FIELD_OF) - {*TEXTS, *NESTED, "blur_quantiles_px", "fingerprints"}


@dataclass(frozen=True)
class Audit:
    """The audit of a dataset: one row for each pair, in the dataset's order."""

    dataset: str
    content_hash: str
    estimator: str
    pairs: tuple[AuditedPair, ...]
    duplicates: tuple[NearDuplicate, ...]
    # same picture, sharper blurry member, doubtful shift, and what files say of colours
    warnings: tuple[Warned, ...] = ()
    # members of the worst large pairs that were measured now, for the page
    shown: WorstMembers = field(default_factory=WorstMembers)
    limits: MotionLimits = field(default_factory=MotionLimits)
    sessions: tuple[PooledSession, ...] = ()
    outside: tuple[LeftOut, ...] = ()  # pairs that the dataset was opened without
    # other photographs of one place in two splits, which are no copies
    same_places: tuple[NearDuplicate, ...] = ()
    # what is odd about pairs beside the others, by id; the most suspicious pair comes first
    suspects: Mapping[str, tuple[Suspicion, ...]] = field(default_factory=dict)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Pairs that could not be measured, by id."""
        unread = (
            LeftOut(p.id, p.reason) for p in self.pairs if p.status == "unreadable"
        )
        return tuple(sorted((*self.outside, *unread), key=lambda one: one.id))

    @property
    def statuses(self) -> tuple[str, ...]:
        """The status of every pair of the dataset; those that it was opened without are last."""
        return (
            *(pair.status for pair in self.pairs),
            *("unreadable" for _ in self.outside),
        )

    def in_session(self, dataset: Dataset) -> dict[str, InSession]:
        """What their session shares, by the id of each pair that was measured with it."""
        together = session_key(dataset)
        used = {row.id for row in self.pairs if row.session_pairs is not None}
        shared = {}
        for name, lens in lenses_of(self.sessions).items():
            if name in used:
                shared[name] = InSession(lens, together)
        return shared

    @property
    def total(self) -> int:
        """Number of pairs of the dataset, with those that it was opened without."""
        return len(self.statuses)


def audit_dataset(
    dataset: Dataset,
    estimator_name: str,
    where: Where,
    limits: MotionLimits = NO_LIMITS,
) -> Audit:
    """Audit all pairs; earlier measurements of the same pictures are used."""
    shown = WorstMembers()
    killed = set[str]()
    rows = _rows(dataset, estimator_name, where, shown, limits, killed)
    audit = audit_of(
        dataset, estimator_name, {row.id: row for row in rows}, where, limits, killed
    )
    return replace(audit, shown=shown)


def _rows(
    dataset: Dataset,
    estimator_name: str,
    where: Where,
    shown: WorstMembers,
    limits: MotionLimits,
    killed: set[str],
) -> Iterator[AuditedPair]:
    """Yield the rows of all pairs, in any order; each is kept when it is known."""
    # The ids of those whose processes were killed are put into ``killed``.
    keys = pair_keys(dataset, named_estimator(estimator_name), limits)
    missing: dict[str, Keyed] = {}
    for pair in dataset.pairs:
        kept = _stored(kept_file(keys[pair.id], ".json"))
        if kept is None:
            missing[pair.id] = (pair, keys[pair.id], None)
        else:
            yield replace(kept, id=pair.id, scene=pair.scene, split=pair.split)
    yield from _audit_missing(
        dataset, estimator_name, where, shown, limits, missing, killed
    )


def _audit_missing(
    dataset: Dataset,
    estimator_name: str,
    where: Where,
    shown: WorstMembers,
    limits: MotionLimits,
    missing: Mapping[str, Keyed],
    killed: set[str],
) -> Iterator[AuditedPair]:
    """Audit pairs and yield their rows, each kept when it is known."""
    audit = partial(
        audit_pair, estimator_name=estimator_name, limits=limits, reducing=True
    )
    audited = each(audit, missing, where)
    for name, result in track(audited, f"auditing {dataset.name}", total=len(missing)):
        if isinstance(result, Killed):
            killed.add(name)
        pair, key, _ = missing[name]
        row, members = _row_of(pair, result)
        if members is not None:
            shown.offer(row, members)
        # its reason names files, here as they are in the dataset
        if row.status == "unreadable":
            yield replace(row, reason=row.reason.replace(f"{dataset.root}/", ""))
            continue
        measured_here = row.status == "ok" and not isinstance(where, Machines)
        if measured_here and not is_kept(key):
            yield row  # it is measured again, or its blur would be lost
            continue
        with keeping():
            keep_row(key, row)
        yield row


def audit_of(
    dataset: Dataset,
    estimator_name: str,
    rows: Mapping[str, AuditedPair],
    where: Where = 1,
    limits: MotionLimits = NO_LIMITS,
    killed: Collection[str] = (),
) -> Audit:
    """The audit by each pair's own row; pairs that their session helps are measured again."""
    # A session with a pair whose processes were ``killed`` waits for the next command: what its
    # pairs share is kept with their measurements, and would be computed without that pair.
    session_of = sessions_of(dataset.pairs)
    waiting = {session_of[name] for name in killed if name in session_of}
    ready = {name: one for name, one in session_of.items() if one not in waiting}
    sessions = _sessions(ready, rows) if limits.zoomed else ()
    again = [*_in_sessions(dataset, estimator_name, lenses_of(sessions), where, limits)]
    used = {row.id for row in again if row.session_pairs is not None}
    sessions = say_sessions(sessions, used)
    rows = {**rows, **{row.id: row for row in again}}
    ordered = tuple(rows[pair.id] for pair in dataset.pairs)
    duplicates, same_places = _in_two_splits(dataset, ordered, where)
    suspected = suspects(ordered, session_of)
    odd = (*_of_rows(ordered), *of_suspects(ordered, suspected))
    return Audit(
        dataset.name,
        dataset.content_hash,
        estimator_name,
        ordered,
        duplicates,
        (*odd, *warnings_of(dataset.pairs)),
        limits=limits,
        sessions=sessions,
        outside=dataset.without(),
        same_places=same_places,
        suspects=suspected,
    )


def _in_two_splits(
    dataset: Dataset, rows: Sequence[AuditedPair], where: Where
) -> tuple[tuple[NearDuplicate, ...], tuple[NearDuplicate, ...]]:
    """Pictures in two splits by their look as a whole or by parts, and pictures of one place."""
    prints = [(row.id, row.split, one) for row in rows for one in row.fingerprints]
    duplicates = list(near_duplicates(prints))
    named = {frozenset((one.first, one.second)) for one in duplicates}
    same_places = []
    for one in shared_pictures(dataset, where):
        twins = NearDuplicate(
            one.first, one.second, one.splits, one.likeness, one.is_whole, one.change
        )
        if frozenset((one.first, one.second)) in named:
            continue
        if one.is_copy:
            duplicates.append(twins)
        else:
            same_places.append(twins)
    return tuple(duplicates), tuple(same_places)


def _of_rows(rows: Sequence[AuditedPair]) -> Iterator[Warned]:
    """Oddities of measured pairs, kind by kind."""
    for row in rows:
        if row.same_picture:
            yield Warned(row.id, "same picture", f"{SAME_PIXELS}, or leave it out")
    for row in rows:
        if text := row.sharpness_doubt:
            yield Warned(row.id, "sharpness", text)
    for row in rows:
        for text in row.causes:
            yield Warned(row.id, "unexplained", text)
        for name, share in (
            ("sharp", row.clipped_share),
            ("blurry", row.blurry_clipped_share),
        ):
            if share is not None and share > CLIPPED_WARN:
                text = f"{100 * share:.0f} % of the {name} picture is clipped: it is overexposed"
                yield Warned(row.id, "clipped", text)
    for row in rows:
        if row.rests_on_largest_shift_px is not None:
            yield Warned(
                row.id, "largest shift", resting_on(row.rests_on_largest_shift_px)
            )


def _sessions(
    session_of: Mapping[str, PairSession], rows: Mapping[str, AuditedPair]
) -> tuple[PooledSession, ...]:
    """Values that the pairs of each session share, by the row of each pair alone."""
    own = {
        row.id: OwnZoom(
            row.zoom,
            row.zoom_sigma,
            math.hypot(row.width or 0, row.height or 0) / 2,
            row.spread,
            row.zoom is None or row.model in ZOOMED_MODELS,
        )
        for row in rows.values()
        if row.status in ("ok", "unknown")
    }
    return pooled_sessions(session_of, own)


def _in_sessions(
    dataset: Dataset,
    estimator_name: str,
    shared: Mapping[str, SessionLens],
    where: Where,
    limits: MotionLimits,
) -> Iterator[AuditedPair]:
    """The rows of pairs that are measured again with what their session shares."""
    if not shared:
        return
    keys = pair_keys(dataset, named_estimator(estimator_name), limits)
    together = session_key(dataset)
    worth: dict[str, Keyed] = {
        pair.id: (pair, keys[pair.id], InSession(shared[pair.id], together))
        for pair in dataset.pairs
        if pair.id in shared
    }
    audit = partial(
        audit_pair, estimator_name=estimator_name, limits=limits, reducing=False
    )
    again = each(audit, worth, where)
    for name, result in track(
        again, f"auditing sessions of {dataset.name}", total=len(worth)
    ):
        row, _ = _row_of(worth[name][0], result)
        yield row


def _row_of(pair: Pair, result: Measured | LeftOut) -> Measured:
    """The row of a measured pair; if the measurement failed, a row with the reason."""
    if isinstance(result, LeftOut):
        return unreadable(pair, result), None
    return result


def keep_row(key: str, row: AuditedPair) -> None:
    """Keep the row of a pair under the key of its pictures."""
    path = kept_file(key, ".json")
    make_folder(path.parent)
    write_json(path, {"revision": AUDITED, **row_document(row)})


def row_document(row: AuditedPair) -> Json:
    """A row as JSON values, with its fingerprints; see :func:`row_of_document`."""
    prints = [
        {
            "bits": np.packbits(one.bits).tobytes().hex(),
            "thumbnail": one.thumbnail.tolist(),
        }
        for one in row.fingerprints
    ]
    values = {**asdict(replace(row, fingerprints=())), "fingerprints": prints}
    return {column: values[name] for column, name in FIELD_OF.items()}


def _stored(path: Path) -> AuditedPair | None:
    """The stored row of these revisions, or None."""
    try:
        document = read_json(path)
        if document.pop("revision", None) == AUDITED:
            return row_of_document(document)
        return None
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        say(f"{path}: damaged; the pair is audited again")
        return None


def row_of_document(document: Json) -> AuditedPair:
    """A row from its document; raises KeyError, TypeError, ValueError or alike if it is wrong."""
    prints = tuple(map(fingerprint_of, document["fingerprints"]))
    if set(document) != set(FIELD_OF):
        raise ValueError("other fields")
    quantiles = tuple(map(float, document["blur_quantiles_px"]))
    member = document["sharp_member"]
    _require_valid(document, quantiles)
    parts = {
        "blur_quantiles_px": quantiles,
        "fingerprints": prints,
        "spread": _spread(document["spread"]),
        "sharp_member": None if member is None else SharpMember.of_json(member),
    }
    document = {**document, **parts}
    return AuditedPair(
        **{FIELD_OF[column]: value for column, value in document.items()}
    )


def _require_valid(document: Json, quantiles: tuple[float, ...]) -> None:
    """Raise ValueError for a value of another type or range."""
    numbers = [
        value
        for name, value in document.items()
        if name in NUMBERS and value is not None
    ]
    if not all(isinstance(one, int | float) for one in numbers):
        raise ValueError("a number is of another type")
    if not np.isfinite([*numbers, *quantiles]).all():
        raise ValueError("a number is not finite")
    if not all(isinstance(document[name], str) for name in TEXTS):
        raise ValueError("a text is of another type")
    if not isinstance(document["same_picture"], bool):
        raise ValueError("same_picture must be true or false")
    if document["status"] not in STATUSES or document["split"] not in SPLITS:
        raise ValueError("an unknown status or split")


def _spread(numbers: Json | None) -> TileAsymmetry | None:
    if numbers is None:
        return None
    spread = {name: float(value) for name, value in numbers.items()}
    if not np.isfinite([*spread.values()]).all():
        raise ValueError("a number is not finite")
    return TileAsymmetry(**spread)
