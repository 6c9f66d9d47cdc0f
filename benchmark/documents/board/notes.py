"""Notes of a report: each once, at the end, by number."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from defocus.benchmark.evaluation.columns import INDEPENDENT
from defocus.benchmark.evaluation.recording import MOST_CAST
from defocus.benchmark.leaderboard.classes import (
    ROUNDED,
    SCALES_NOTE,
    budget_notice,
    budget_words,
    empty_cells,
    empty_notes,
    flow_words,
    is_trained,
    left_out_notes,
    protocol_notes,
    ranks_narrow_copies,
)
from defocus.benchmark.leaderboard.columns import COST_COLUMNS
from defocus.benchmark.leaderboard.content import (
    Content,
    display_name,
    origin_of,
    run_document,
)
from defocus.benchmark.leaderboard.lines import CAST, Board, BoardLine, Convention
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.seen_notes import seen_notes
from defocus.benchmark.leaderboard.tables import COUNTED, unresolved
from defocus.benchmark.metrics.metric import NO_REFERENCE, all_metrics
from defocus.benchmark.published.numbers import printed_beside
from defocus.benchmark.results.store import ELSEWHERE, NOT_TRAINED, Entry
from defocus.benchmark.statistics.comparable import (
    NEVER_RANKED,
    PERFECT,
    RANKED_BUDGETS,
    Track,
)
from defocus.progress import counted, several
from defocus.reports.display import capital
from defocus.reports.model import Measured


def published_beside(
    content: Content,
    row: Row | None,
    number: Callable[[str], int],
) -> Measured | None:
    """The published value of a row, with numbers of its notes; None if there is none."""
    # There is none under a budget that cannot compare systems, nor for a reconstruction, because it
    # would look like a reproduction.
    card = content.cards.get(row.system) if row is not None else None
    if row is None or card is None or card.published_as is None:
        return None
    if row.system in content.reconstructions:
        return None
    cells = printed_beside(row, card.published_as)
    if not cells:
        return None
    decimals = all_metrics()[row.metric].decimals
    first, *others = dict.fromkeys(round(cell.true_value, decimals) for cell in cells)
    sources = tuple(sorted({number(cell.source) for cell in cells}))
    beside = ", ".join(f"{value:.{decimals}f}" for value in others)
    return Measured(first, beside=beside, notes=sources)


class Notes:
    """The notes of a report, in the order in which they were first needed."""

    def __init__(self, *, own_lines: bool = False) -> None:
        self.own_lines = own_lines
        self._numbers: dict[str, int] = {}

    @property
    def texts(self) -> tuple[str, ...]:
        """All notes, in the order of their numbers."""
        return tuple(self._numbers)

    def number(self, text: str) -> int:
        """The number of a note, counted from 1; a note that is already there keeps its own."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def numbers(self, texts: Sequence[str]) -> tuple[int, ...]:
        """The numbers of several notes, sorted."""
        return tuple(sorted(set(map(self.number, texts))))


def own_lines_notice(budgets: Iterable[str]) -> str:
    """What may be compared in a study with its own lines; empty if all were trained in full."""
    unranked = set(budgets) - set(RANKED_BUDGETS)
    if not unranked:
        return ""
    advice = "compare the lines with each other, never with published numbers"
    return f"{budget_words(unranked)}: {advice}"


def notes_on(
    board: Board,
    convention: Convention,
    tracks: Sequence[Track],
    *,
    own_lines: bool,
) -> list[str]:
    """Notes on what a table's numbers can show, and why cells are empty."""
    lines = board.ordered(convention)
    scores = _scores(lines, convention)
    leading = _leading(board, convention)
    empty = empty_notes((row.system, row) for row in scores)
    lacking = [*protocol_notes(board.scored_under()), *left_out_notes(leading)]
    return [
        _order(board, convention, tracks, own_lines=own_lines),
        *_scored_by(convention, scores),
        *(f"{capital(text)}." for text in lacking),
        *_perfect(board, convention),
        *dict.fromkeys(chain(_elsewhere(lines), *map(mark_notes, lines))),
        *_rounding(scores),
        *_resolution(leading.values(), tracks),
        *_tests(tracks),
        *(f"{text}." for text in empty),
        *_seeds(scores),
        *_independent(scores),
        *_costs(lines),
    ]


def _elsewhere(lines: Iterable[BoardLine]) -> list[str]:
    if not any(line.first.weights == ELSEWHERE for line in lines):
        return []
    return [
        "Made elsewhere: how it was trained, and on which pictures, is not known here."
    ]


def _leading(board: Board, convention: Convention) -> dict[str, Row]:
    """The rows of the leading metric, by the name of their line."""
    name = board.leading(convention).name
    rows = {}
    for line in board.ordered(convention):
        row = line.row(convention, name)
        if row is not None:
            rows[line.name] = row
    return rows


def mark_notes(line: BoardLine) -> list[str]:
    """Meaning of the marks of a line that need a sentence."""
    said = []
    if CAST in line.marks:
        said.append(
            f"{CAST}: in a restored picture the mean of a colour moved by more than "
            f"{255 * MOST_CAST:.0f} of 255 beyond what all colours moved.".capitalize()
        )
    if line.at_scales:
        said.append(f"{SCALES_NOTE}.")
    return said


def column_notes(
    board: Board,
    convention: Convention,
    tracks: Sequence[Track],
    *,
    own_lines: bool,
) -> dict[str, list[str]]:
    """The notes of :func:`notes_on` on a single column, by the column's name."""
    lines = board.ordered(convention)
    leading = _leading(board, convention).values()
    scores = _scores(lines, convention)
    told = {
        "Rank": [_order(board, convention, tracks, own_lines=own_lines)],
        "Gain": [*_rounding(scores), *_resolution(leading, tracks)],
        "Alike": _tests(tracks),
        **{column.name: _costs(lines) for column in COST_COLUMNS.values()},
        board.leading(convention).display_name: [
            *_scored_by(convention, scores),
            *_perfect(board, convention),
            *_independent(scores),
        ],
    }
    for name, text in _why_empty(scores):
        told.setdefault(name, []).append(text)
    return told


def _why_empty(scores: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Names of columns with empty cells, and why they are empty."""
    metrics = all_metrics()
    reasons = empty_cells((row.system, row) for row in scores)
    for reason, about in reasons.items():
        for name in sorted(about & metrics.keys()):
            yield metrics[name].display_name, f"{reason}."


def _scores(lines: Iterable[BoardLine], convention: Convention) -> list[Row]:
    """The rows of some lines that are scored under a convention."""
    wanted = convention.profile, convention.evaluation, convention.protocol
    scores = []
    for row in chain.from_iterable(line.rows.values() for line in lines):
        scored_as = row.profile, row.evaluation, row.protocol
        if scored_as == wanted:
            scores.append(row)
    return scores


def _scored_by(convention: Convention, scores: Sequence[Row]) -> list[str]:
    """The profile, and the optical flow that scores needed."""
    said = [f"Profile {convention.profile}, scored by {convention.evaluation}."]
    flows = set()
    for row in scores:
        if row.flow and not row.metric.endswith(INDEPENDENT):
            flows.add(flow_words(row))
    if flows:
        said.append(f"Flow: {', '.join(sorted(flows))}.")
    return said


def _rounding(scores: Iterable[Row]) -> list[str]:
    """Why a gain need not be the difference of the two numbers shown."""
    return [ROUNDED] if any(row.gain is not None for row in scores) else []


def _perfect(board: Board, convention: Convention) -> list[str]:
    """Note on a perfect restoration, where its score is given."""
    if convention not in board.perfect:
        return []
    said = (
        f"{PERFECT}: what the true picture would score, given the noise and the measured "
        "misalignment of its reference. No limit: an output that moved towards the reference, or "
        "was smoothed, can score more."
    )
    return [said]


def _costs(lines: Iterable[BoardLine]) -> list[str]:
    """Note on what the costs count, and on which machines they were measured."""
    machines: set[str] = set()
    for line in lines:
        machines.update(row.measured_on for row in line.rows.values())
    machines.discard("")
    said = [f"{capital(COUNTED)}."]
    if machines:
        said.append(f"Costs were measured on {'; on '.join(sorted(machines))}.")
    return said


def dataset_notes(content: Content, board: Board) -> list[str]:
    """Pairs in a leaderboard's dataset that are in no number of pictures, each reason once."""
    key = board.key
    names: dict[str, set[str]] = defaultdict(set)
    for entry in _entries_of(content, board):
        if (entry.dataset, entry.split) != (key.dataset, key.split):
            continue
        for pair in run_document(content.out, entry).get("left_out", []):
            reason = str(pair["reason"])
            names[reason].add(str(pair["id"]))
    notes = []
    for reason, pairs in names.items():
        without = f"{counted(len(pairs), 'pair')} ({several(sorted(pairs))})"
        notes.append(f"{key.dataset} is without {without}: {reason}.")
    notes += seen_notes(content.out, key.dataset, key.data_revision)
    return notes + _origin_notes(content, board)


def _entries_of(content: Content, board: Board) -> Iterator[Entry]:
    """The runs on the dataset of a leaderboard, as far as its hash tells."""
    for entry in content.entries:
        if entry.data_hash.startswith(board.key.data_revision):
            yield entry


def _origin_notes(content: Content, board: Board) -> list[str]:
    """Which systems of a leaderboard have scores that were not computed here, by their origin."""
    systems: dict[str, set[str]] = defaultdict(set)
    for entry in _entries_of(content, board):
        origin = origin_of(run_document(content.out, entry))
        if origin:
            systems[origin].add(display_name(content, entry.system))
    notes = []
    for origin, names in systems.items():
        listed = ", ".join(sorted(names))
        notes.append(f"Not computed here, taken from {origin}: {listed}.")
    return notes


def _order(
    board: Board,
    convention: Convention,
    tracks: Sequence[Track],
    *,
    own_lines: bool,
) -> str:
    """How rows are ordered, and what may not be concluded from it."""
    protocol = convention.protocol
    leading = board.leading(convention).display_name
    order = f"Rows of a class are in the order of {leading}."
    if protocol == NO_REFERENCE:
        return (
            f"{order} It judges how natural a picture looks by itself, and not whether it shows "
            "what was there: nothing is ranked, and no gain is known."
        )
    if protocol in NEVER_RANKED:
        return f"{order} {protocol}: the reference depends on the output; nothing is ranked."
    said = [order]
    if not ranks_narrow_copies(tracks):
        rivals = [one.first for one in board.ordered(convention) if not one.reference]
        budgets = [one.budget for one in rivals if one.budget != NOT_TRAINED]
        said.append(_unranked(budgets, own_lines=own_lines))
    if any(track.is_ranked for track in tracks):
        said.append(
            "Ranks are among systems of the same input, training data, origin of weights and "
            "budget; among them the best of a column is bold, the second underlined."
        )
    return " ".join(filter(None, said))


def _unranked(budgets: Sequence[str], *, own_lines: bool) -> str:
    """Which rows have no rank because of their training; empty if all may have one."""
    if own_lines and (notice := own_lines_notice(budgets)):
        return f"{capital(notice)}."
    if not budget_notice(budgets):
        return ""
    kinds = budget_words({budget for budget in budgets if budget_notice([budget])})
    return (
        f"Rows of the {kinds} have no rank, and their numbers must not be compared with published "
        "ones."
    )


def _independent(rows: Sequence[Row]) -> list[str]:
    """Scores of systems by a flow estimator that was not used to train them."""
    scores: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.metric == f"psnr{INDEPENDENT}" and row.value is not None:
            where = f"{row.dataset}, {row.protocol} by {flow_words(row)}"
            scores[where].append(f"{row.system} {row.value:.2f} dB")
    notes = []
    for where, values in scores.items():
        listed = ", ".join(sorted(values))
        notes.append(f"{where}, which trained none of them: PSNR of {listed}.")
    return notes


def _tests(tracks: Iterable[Track]) -> list[str]:
    """A note on the statistical tests, if they cannot distinguish some systems."""
    if not any(track.alike for track in tracks):
        return []
    said = (
        "Alike: systems that share a letter do not differ significantly (paired permutation of "
        "scenes, Holm)."
    )
    return [said]


def _resolution(rows: Iterable[Row], tracks: Sequence[Track]) -> list[str]:
    """How exactly gains and differences are known, and which differences are smaller than that."""
    gains = [row.gain_resolution for row in rows if row.gain_resolution is not None]
    resolutions = []
    pairs = []
    for track in tracks:
        for one in track.differences:
            if one.resolution is not None:
                resolutions.append(one.resolution)
                pairs.append(one)
    changes = []
    if gains:
        changes.append(f"gains over the input change by {max(gains):.3f} dB at most")
    if resolutions:
        most = max(resolutions)
        changes.append(f"differences between two systems by {most:.3f} dB at most")
    if not changes:
        return []
    close = unresolved(pairs)
    smaller = f" Smaller than that: {close}." if close else ""
    return [
        (
            "Resolution: where the registered references are moved by their standard errors, "
            f"{', '.join(changes)}.{smaller}"
        )
    ]


def _seeds(rows: Sequence[Row]) -> list[str]:
    """Note on systems with fewer seeds than others."""
    trained = [row for row in rows if is_trained(row.weights)]
    most = max((row.seeds for row in trained), default=0)
    fewer = {}
    for row in trained:
        if row.seeds < most:
            fewer[row.system] = f"{row.system} {row.seeds}"
    if not fewer:
        return []
    names = ", ".join(fewer[system] for system in sorted(fewer))
    return [f"Fewer than {counted(most, 'seed')}: {names}."]
