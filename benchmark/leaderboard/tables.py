"""Tables of the leaderboard for reports and terminal, with or without ranks."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter

from defocus.baselines.registry import all_baselines
from defocus.benchmark.leaderboard.classes import (
    SCALES_NOTE,
    budget_words,
    empty_notes,
    flow_words,
    is_trained,
    left_out_notes,
    most_images,
    over_pictures,
    partial_words,
    protocol_notes,
    ranked_in,
)
from defocus.benchmark.leaderboard.columns import (
    COST_COLUMNS,
    GAIN,
    BoardPlace,
    Named,
    systems_table,
)
from defocus.benchmark.leaderboard.content import TrackKey, protocols
from defocus.benchmark.leaderboard.groups import (
    classes_of,
    headings,
    in_order,
    part_gains,
    rank_words,
)
from defocus.benchmark.leaderboard.lines import (
    WEIGHT_MARKS,
    Board,
    BoardKey,
    BoardLine,
    Convention,
    LineKey,
    by_place,
    leading_metric,
    line_of,
    protocol_place,
)
from defocus.benchmark.leaderboard.rows import Row, restored_rows, valued_rows
from defocus.benchmark.metrics.metric import NO_REFERENCE, all_metrics
from defocus.benchmark.published.numbers import printed_beside
from defocus.benchmark.results.store import SCRATCH
from defocus.benchmark.statistics.comparable import (
    CEILING,
    PERFECT,
    RANKED_BUDGETS,
    TRUTH,
    Difference,
    Track,
)
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.progress import several
from defocus.reports.model import Cell, Column, Table

ByLine = dict[LineKey, str]
"""Words by line."""

_FIRST = ("psnr", "ssim", "lpips")
"""The metrics that come first, because they are wanted most."""

COUNTED = (
    "MACs: convolutions, matrix products and attention; Fourier transforms are not counted; "
    "memory: beside the weights; time: the median picture; per MP: at the size of the test pictures"
)


def score_tables(
    rows: Sequence[Row],
    reconstructions: Iterable[str] = (),
    tracks: Sequence[Track] = (),
) -> list[Table]:
    """One table per dataset, profile and versions, best PSNR first, columns most wanted first."""
    # It has the protocol that the profile is meant for, then PSNR under the others. Columns without
    # a value are left out; reconstructions are marked and never ranked.
    excluded = frozenset(reconstructions)
    parts: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:  # scored alike on the same pictures, whatever their budget
        place = (row.dataset, row.split, row.data_revision)
        parts[*place, row.profile, row.evaluation].append(row)
    tables = []
    for key in sorted(parts):
        board = _board(parts[key])
        if board.conventions:
            tables.append(_score_table(parts[key], board, excluded, tracks))
    return tables


def _board(rows: Sequence[Row]) -> Board:
    """The lines of rows that were scored alike, with their protocols in the order of pages."""
    first = rows[0]
    restored = restored_rows(rows)
    by_line: dict[LineKey, list[Row]] = defaultdict(list)
    for row in restored:
        by_line[line_of(row)].append(row)
    valued = valued_rows(restored)
    place = partial(protocol_place, first.profile)
    conventions = []
    for protocol in sorted(protocols(valued or restored), key=place):
        convention = Convention(first.profile, first.evaluation, protocol)
        conventions.append(convention)
    key = BoardKey(first.dataset, first.split, first.data_revision)
    return Board(key, key.dataset, _board_lines(by_line), tuple(conventions), {})


def _board_lines(by_line: Mapping[LineKey, Sequence[Row]]) -> tuple[BoardLine, ...]:
    names = _names(by_line)
    lines = []
    for key, rows in by_line.items():
        is_input = key[0] == INPUT
        line = BoardLine(key, names[key], (), is_input, by_place(rows))
        lines.append(line)
    return tuple(lines)


def _names(keys: Iterable[LineKey]) -> ByLine:
    """Names of the lines: the system, and whose weights it has where names are equal."""
    names = {key: key[0] for key in keys}
    twins = Counter(names.values())
    for key, name in names.items():
        _, weights, train_dataset, _ = key
        if twins[name] > 1:
            names[key] = f"{name}{_origin(weights, train_dataset)}"
    twins = Counter(names.values())
    for key, name in names.items():
        *_, budget = key
        if twins[name] > 1:
            names[key] = f"{name} ({budget_words([budget])})"
    return names


def _origin(weights: str, train_dataset: str) -> str:
    """Whose weights a system has, where the study did not train it."""
    scratch = weights if weights.startswith(SCRATCH) else ""
    mark = WEIGHT_MARKS.get(weights, scratch)
    if weights == "official":
        mark = f"{mark}, {train_dataset}"
    return f" ({mark})" if mark else ""


def _score_table(
    rows: Sequence[Row],
    board: Board,
    reconstructions: frozenset[str],
    tracks: Sequence[Track],
) -> Table:
    main = board.conventions[0]
    shown = [row for row in restored_rows(rows) if row.protocol == main.protocol]
    mine = [one for one in tracks if _same_contest(one, shown, main.protocol)]
    by_key = {TrackKey(*_track_facts(track)): track for track in mine}
    classes = classes_of(board.ordered(main), lambda line: by_key.get(line.track))
    lines = in_order(classes)
    names = _named_pictures(_scored(board, lines))
    notes = [
        *_protocols(board, lines, names),
        _perfect(rows, main.protocol),
        _note(shown),
        _independent(shown),
        SCALES_NOTE if any(line.at_scales for line in lines) else "",
        *map(_said, mine),
    ]
    return systems_table(
        _caption(rows, main.protocol),
        [names.get(line.name, line.name) for line in lines],
        _columns(board, lines, mine, _printed(shown, reconstructions)),
        "; ".join(filter(None, notes)),
        headings=headings(classes),
    )


def _columns(
    board: Board,
    lines: Sequence[BoardLine],
    tracks: Sequence[Track],
    printed: Mapping[LineKey, str],
) -> list[Named]:
    """Ranks if there are any, scores and costs, and published numbers if there are any."""
    main, *others = board.conventions
    usual = most_images(_scored(board, lines).values())
    columns: list[Named] = []
    ranks = _ranks(lines, tracks)
    if ranks:
        places: list[Cell] = [ranks.get(line.key) for line in lines]
        columns.append((Column("Rank"), places))
    columns += _score_columns(lines, main, others, usual)
    if printed:
        texts: list[Cell] = [printed.get(line.key, "") for line in lines]
        columns.append((Column("published", "dB"), texts))
    return columns


def _scored(board: Board, lines: Sequence[BoardLine]) -> dict[BoardLine, Row]:
    """The rows of the leading metric, by line."""
    main = board.conventions[0]
    leading = BoardPlace(main, board.leading(main).name)
    rows = {}
    for line in lines:
        row = leading.row(line)
        if row is not None:
            rows[line] = row
    return rows


def _named_pictures(scored: Mapping[BoardLine, Row]) -> dict[str, str]:
    """The names of lines, which say how many pictures they have if they lack some."""
    rows = scored.values()
    names = {}
    for line, row in scored.items():
        pictures = partial_words(row, rows)
        names[line.name] = _with_pictures(line.name, pictures)
    return names


def _protocols(
    board: Board,
    lines: Sequence[BoardLine],
    names: Mapping[str, str],
) -> list[str]:
    """Notes on lines that lack protocols, and on pictures that are left out of a line."""
    protocols_of = {}
    for name, under in board.scored_under().items():
        protocols_of[names.get(name, name)] = under
    rows = {}
    for line, row in _scored(board, lines).items():
        rows[names[line.name]] = row
    return [*protocol_notes(protocols_of), *left_out_notes(rows)]


def _track_facts(track: Track) -> tuple[str, str, str, str]:
    """The fields of the key of a track."""
    return track.contest.budget, track.weights, track.train_dataset, track.input


def _with_pictures(name: str, words: str) -> str:
    """The name of a line, which says how many pictures it has if it lacks some."""
    begin = f"{name[:-1]}, " if name.endswith(")") else f"{name} ("
    return f"{begin}{words})" if words else name


def _score_columns(
    lines: Sequence[BoardLine],
    main: Convention,
    others: Sequence[Convention],
    usual: int,
) -> list[Named]:
    """Gain, the field's scores, parameters and time; then what is less wanted."""
    metrics = sorted(all_metrics(), key=lambda name: name not in _FIRST)
    first = sum(name in _FIRST for name in metrics)
    costs = list(COST_COLUMNS)
    parameters, *others_of_cost, seconds, per_megapixel = costs
    wanted = [*metrics[:first], parameters, seconds, per_megapixel]
    keys = [*wanted, *metrics[first:], *others_of_cost]
    gain = BoardPlace(main, GAIN).numbers(lines, usual, bar=True)
    columns: list[Named] = [gain, *part_gains(lines, main)]
    for key in keys:
        place = BoardPlace(None if key in costs else main, key)
        columns.append(place.numbers(lines, usual))
    for other in others:
        name = f"PSNR {other.protocol}"
        columns.append(BoardPlace(other, "psnr").numbers(lines, usual, name))
    return columns


def _ranks(lines: Sequence[BoardLine], tracks: Sequence[Track]) -> ByLine:
    """The ranks of lines within their tracks, as pages say them; nobody has one alone."""
    keys = {line.key for line in lines}
    ranks: ByLine = {}
    for track in tracks:
        if len(ranked_in(track)) < 2:
            continue
        for one in track.standings:
            origin = (one.system, one.weights, one.train_dataset)
            key = (*origin, track.contest.budget)
            if one.rank is not None and key in keys:
                ranks[key] = rank_words(one)
    return ranks


def _perfect(rows: Sequence[Row], protocol: str) -> str:
    """The score of a perfect restoration; empty if that is equal to the reference."""
    if protocol == TRUTH:
        return ""
    for row in rows:
        is_ceiling = (row.system, row.metric) == (CEILING, "psnr")
        if is_ceiling and row.protocol == protocol and row.value is not None:
            return f"{PERFECT}: {row.value:.2f} dB"
    return ""


def _caption(rows: Sequence[Row], protocol: str) -> str:
    first = rows[0]
    over = first.split
    restored = restored_rows(rows)
    scored = [row for row in restored if row.protocol == protocol and row.images]
    if scored:
        leading = leading_metric(row.metric for row in scored).name
        counted = [row for row in scored if row.metric == leading]
        over = over_pictures(counted, f"{first.split} picture")
    budgets = {row.budget for row in restored if row.weights != "none"}
    against = f"protocol {protocol}"
    if protocol == NO_REFERENCE:
        against = "no sharp pictures"
    facts = [first.dataset, over, budget_words(budgets), against]
    caption = ", ".join(filter(None, facts))
    flows = {flow_words(row) for row in scored if row.flow}
    if not flows:
        return caption
    return f"{caption} (flow: {', '.join(sorted(flows))})"


def _printed(rows: Sequence[Row], reconstructions: frozenset[str]) -> ByLine:
    """Published PSNR by line, as printed; each value once if there are several sources."""
    systems = all_baselines()
    printed: ByLine = {}
    for row in rows:
        card = systems[row.system].card if row.system in systems else None
        if card is None or card.published_as is None or row.system in reconstructions:
            continue
        if row.metric == "psnr":
            values = dict.fromkeys(
                cell.value for cell in printed_beside(row, card.published_as)
            )
            if values:
                printed[line_of(row)] = ", ".join(values)
    return printed


def _independent(rows: Sequence[Row]) -> str:
    """Scores of a system by a flow estimator that was not used to train it."""
    said = []
    for row in rows:
        if row.metric != "psnr_independent" or row.value is None:
            continue
        by = f"{row.system} by {flow_words(row)}, which did not train it"
        said.append(f"{by}: PSNR {row.value:.2f} dB")
    return "; ".join(said)


def _same_contest(track: Track, rows: Sequence[Row], protocol: str) -> bool:
    """Whether a track is that of rows which were scored alike under a protocol."""
    if not rows or track.contest.protocol != protocol:
        return False
    facts = attrgetter("dataset", "data_revision", "profile", "evaluation")
    return bool(facts(track.contest) == facts(rows[0]))


def _said(track: Track) -> str:
    """Note on the differences of a ranked track; its heading has the rest."""
    if len(track.standings) < 2 or track.contest.budget not in RANKED_BUDGETS:
        return ""
    parts = [f"no significant difference: {', '.join(group)}" for group in track.alike]
    if close := unresolved(track.differences):
        parts.append(
            f"smaller than what the place of the references leaves open: {close}"
        )
    return "; ".join(parts)


def unresolved(differences: Iterable[Difference]) -> str:
    """Differences that are smaller than their resolution, with both numbers."""
    pairs = []
    for one in differences:
        if one.below_resolution:
            numbers = f"{abs(one.difference):.3f} of {one.resolution:.3f} dB"
            pairs.append(f"{one.first} and {one.second} ({numbers})")
    return several(pairs)


def _note(rows: list[Row]) -> str:
    """Note on why cells are empty and which systems have fewer seeds; a run says why it failed."""
    trained = [row for row in rows if is_trained(row.weights)]
    seeds = max((row.seeds for row in trained), default=0)
    fewer = set()
    for row in trained:
        if row.seeds < seeds:
            fewer.add(f"{row.system}: {row.seeds} of {seeds} seeds")
    brief = []
    for row in rows:
        status = re.sub("^failed: .*", "failed", row.status)
        brief.append((row.system, replace(row, status=status)))
    notes = empty_notes(brief)
    return "; ".join([*notes, *sorted(fewer)])
