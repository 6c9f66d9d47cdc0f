"""Tables for papers, one function per style."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate, chain, product

from defocus.benchmark.documents.paper_columns import (
    Cells,
    PaperPlace,
    Tests,
    compared_columns,
    line_order,
    ranked_columns,
)
from defocus.benchmark.documents.paper_options import PaperOptions, chosen_boards
from defocus.benchmark.leaderboard.classes import (
    SCALES_NOTE,
    empty_notes,
    left_out_notes,
    most_images,
    notice_on,
    over_pictures,
    protocol_notes,
)
from defocus.benchmark.leaderboard.columns import COST_COLUMNS, GAIN
from defocus.benchmark.leaderboard.content import Content
from defocus.benchmark.leaderboard.groups import classes_of, in_order
from defocus.benchmark.leaderboard.lines import (
    Board,
    BoardLine,
    Convention,
    LineKey,
    read_boards,
    track_of,
)
from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.seen_notes import seen_notes
from defocus.benchmark.metrics.metric import NO_REFERENCE, all_metrics
from defocus.benchmark.statistics.comparable import SIGNIFICANCE
from defocus.errors import InputError
from defocus.progress import counted
from defocus.reports.display import capital, csv_text
from defocus.reports.latex import ColumnGroup, PaperTable
from defocus.reports.model import Measured

METRICS = ("psnr", GAIN, "ssim", "mae", "lpips")
"""The columns that the field's papers have, with the gain; ``table leaderboard`` has all
metrics."""

PLACES = {"psnr_indoor": "Indoor", "psnr_outdoor": "Outdoor", "psnr": "Combined"}

ABLATION = "ablation"
"""The style that compares each row with the first one."""

USUAL = PaperOptions()
"""All rows, and the columns of each style."""

Groups = list[tuple[str, list[PaperPlace]]]
"""Name and columns of each group."""

Tables = list[tuple[str, Groups]]
"""Captions and groups of columns."""

CsvLine = Sequence[str | Decimal | None]

Layout = Callable[[Sequence[Board], Sequence[str]], Tables]
"""Function from leaderboards and chosen columns to tables: a caption, and the groups of columns."""


def paper_tables(
    content: Content,
    style: str,
    options: PaperOptions = USUAL,
) -> list[PaperTable]:
    """Make the tables of one style, a row per line, the input first, then by track and PSNR."""
    layout, words = STYLES[style]
    compared = style == ABLATION
    if compared and not options.rows:
        raise InputError(
            f"{style} needs --rows NAME,NAME; others are compared with the first"
        )
    boards = chosen_boards(read_boards(content), options)
    tables = []
    for apart, end in ((False, ""), (True, "-rebuilt")):
        laid_out = layout(boards, options.columns)
        for number, (caption, groups) in enumerate(laid_out, start=1):
            lines = _shown_lines(content, groups, options, rebuilt=apart)
            if not lines:
                continue
            if compared:
                lines.sort(key=lambda line: options.place(line.first.system))
            said = f"{words}{caption}{', reconstructions' if apart else ''}"
            table = _table(content, groups, lines, options, compared=compared)
            label = f"tab:{style}-{number}{end}"
            tables.append(replace(table, caption=said, label=label))
    return tables


def _shown_lines(
    content: Content,
    groups: Groups,
    options: PaperOptions,
    *,
    rebuilt: bool,
) -> list[BoardLine]:
    """The lines of a table; none if another table shows the systems next to these references."""
    lines = _lines(content, groups, options, rebuilt=rebuilt)
    shown = _has_systems(lines)
    if not shown and not rebuilt:
        shown = not _has_systems(_lines(content, groups, options, rebuilt=True))
    return lines if shown else []


def _has_systems(lines: Sequence[BoardLine]) -> bool:
    return any(not line.reference for line in lines)


def paper_csv(tables: Sequence[PaperTable]) -> str:
    """Tables as CSV, one below the other with captions; numbers are rounded as in print."""
    lines: list[CsvLine] = []
    for table in tables:
        if lines:
            lines.append([])
        lines.append([f"{table.caption}. {table.note}".strip()])
        lines.append(_csv_heads(table))
        for row, (name, cells) in enumerate(table.rows):
            line: list[str | Decimal | None] = [name, Decimal(table.images[row])]
            line += [Decimal(had[row]) for _, had in table.checks]
            for index, cell in enumerate(cells):
                line += _numbers(table, index, cell)
            lines.append(line)
    return csv_text(lines)


def _csv_heads(table: PaperTable) -> list[str]:
    heads = ["System", "Pictures"]
    heads += [name for name, _ in table.checks]
    index = 0
    for group in table.groups:
        for column in group.columns:
            name = f"{group.name} {column.name}".strip()
            heads.append(name)
            heads += [f"{name} {end}" for end in _ends(table, index)]
            index += 1
    return heads


def _ends(table: PaperTable, index: int) -> list[str]:
    """Names of what is printed after the numbers of a column."""
    intervals = spreads = tests = False
    for _, cells in table.rows:
        cell = cells[index]
        if cell:
            intervals |= cell.interval is not None
            spreads |= cell.spread is not None
            tests |= cell.differs is not None
    ends = []
    if intervals:
        ends += ["low", "high"]
    if spreads:
        ends.append("sd")
    if tests:
        ends.append("differs")
    return ends


def _numbers(
    table: PaperTable,
    index: int,
    cell: Measured | None,
) -> Iterator[Decimal | None]:
    ends = _ends(table, index)
    shown = cell or Measured(None)
    values = [shown.value]
    if "low" in ends:
        values += shown.interval or (None, None)
    if "sd" in ends:
        values.append(shown.spread)
    decimals = table.columns[index].decimals
    for value in values:
        yield None if value is None else Decimal(f"{value:z.{decimals}f}")
    if "differs" in ends:
        yield None if shown.differs is None else Decimal(shown.differs)


def _methods(boards: Sequence[Board], names: Sequence[str]) -> Tables:
    """One table per dataset and protocol: the field's four metrics, and the gain."""
    tables: Tables = []
    for board in boards:
        for one in board.conventions:
            columns = _columns(board, one, names)
            if columns:
                caption = f"{board.name}, {_against(board, one)}"
                tables.append((caption, [("", columns)]))
    return tables


def _protocols(boards: Sequence[Board], names: Sequence[str]) -> Tables:
    """One table per dataset: the protocols side by side."""
    tables: Tables = []
    for board in boards:
        groups: Groups = []
        for one in board.conventions:
            columns = _columns(board, one, names)
            if columns:
                name = _counted_name(board.convention_name(one), columns)
                groups.append((name, columns))
        tables.append((board.name, groups))
    return tables


def _datasets(boards: Sequence[Board], names: Sequence[str]) -> Tables:
    """One table: the datasets side by side, each under its profile's own protocol."""
    groups: Groups = []
    for board in boards:
        if columns := _columns(board, _main(board), names):
            name = f"{board.name} ({_main(board).protocol})"
            groups.append((_counted_name(name, columns), columns))
    return [(counted(len(groups), "evaluation"), groups)] if groups else []


def _places(boards: Sequence[Board], names: Sequence[str]) -> Tables:  # noqa: ARG001 - as all layouts
    """One table per dataset: PSNR indoors, outdoors and of both."""
    tables: Tables = []
    for board in boards:
        one = _main(board)
        groups: Groups = []
        for name, words in PLACES.items():
            place = PaperPlace(one, name, board)
            if most_images(place.rows().values()):
                groups.append((_counted_name(words, [place]), [place]))
        if len(groups) == len(PLACES):
            tables.append((f"{board.name}, protocol {one.protocol}", groups))
    return tables


def _costs(boards: Sequence[Board], names: Sequence[str]) -> Tables:
    """One table per dataset: quality and cost."""
    tables: Tables = []
    for board in boards:
        one = _main(board)
        quality = _columns(board, one, names or ("psnr", "ssim"))
        costs = [PaperPlace(None, name, board) for name in COST_COLUMNS]
        if quality:
            tables.append(
                (
                    f"{board.name}, {_against(board, one)}",
                    [("Quality", quality), ("Cost", costs)],
                )
            )
    return tables


def _ablation(boards: Sequence[Board], names: Sequence[str]) -> Tables:
    """One table per dataset and protocol; the gain is beside the difference of each row."""
    return _methods(boards, names or [name for name in METRICS if name != GAIN])


STYLES: dict[str, tuple[Layout, str]] = {
    "methods": (_methods, "Restoration on "),
    "protocols": (_protocols, "Restoration by protocol on "),
    "datasets": (_datasets, "Restoration by dataset, "),
    "places": (_places, "PSNR by place on "),
    "costs": (_costs, "Quality and cost on "),
    ABLATION: (_ablation, "Ablation on "),
}
"""Layout and first words of the caption, by the name of a style."""


def _main(board: Board) -> Convention:
    """The convention that the report shows first: the truth where there is one."""
    return board.conventions[0]


def _against(board: Board, one: Convention) -> str:
    """Protocol, pictures and scenes of a table."""
    rows = list(PaperPlace(one, board.leading(one).name, board).rows().values())
    over = (
        f": {over_pictures(rows, f'{board.key.split} picture')}"
        if most_images(rows)
        else ""
    )
    return f"protocol {board.convention_name(one)}{over}"


def _counted_name(name: str, columns: Sequence[PaperPlace]) -> str:
    return f"{name}, {over_pictures(list(columns[0].rows().values()))}"


def _columns(board: Board, one: Convention, names: Sequence[str]) -> list[PaperPlace]:
    """The columns of these names that have a number; without names the usual ones."""
    usual = METRICS if one.protocol != NO_REFERENCE else list(all_metrics())
    columns = []
    for name in names or usual:
        convention = None if name in COST_COLUMNS else one
        place = PaperPlace(convention, name, board)
        numbers = map(place.number, board.lines)
        if any(number is not None for number in numbers):
            columns.append(place)
    return columns


def _lines(
    content: Content,
    groups: Groups,
    options: PaperOptions,
    *,
    rebuilt: bool,
) -> list[BoardLine]:
    """The lines of a table: references, then class by class, by the first column, best first."""
    places = chain.from_iterable(part for _, part in groups)
    scored = [place for place in places if place.convention is not None]
    lines: dict[LineKey, BoardLine] = {}
    for place in scored:
        for line in place.board.lines:
            apart = line.first.system in content.reconstructions
            if place.row(line) is not None and (line.reference or apart is rebuilt):
                lines.setdefault(line.key, line)
    best_first = sorted(lines.values(), key=line_order(scored, options))
    return in_order(classes_of(best_first))


def _table(
    content: Content,
    groups: Groups,
    lines: Sequence[BoardLine],
    options: PaperOptions,
    *,
    compared: bool,
) -> PaperTable:
    """A table without caption and label."""
    make = compared_columns if compared else ranked_columns
    tests = Tests(content, wanted=options.significance)
    places: list[PaperPlace] = []
    columns: list[Cells] = []
    heads = []
    for name, part in groups:
        places += part
        made = chain.from_iterable(make(place, lines, tests) for place in part)
        shown, cells = zip(*made, strict=True)
        heads.append(ColumnGroup(name, shown))
        columns += cells
    note = _note(content, places, lines, columns)
    if options.significance:
        note = f"{note} {_stars(lines, columns, compared=compared)}"
    rows = zip(map(_name, lines), zip(*columns, strict=True), strict=True)
    return PaperTable(
        "",
        "",
        tuple(heads),
        tuple(rows),
        () if compared else _parts(lines),
        note,
        tuple(_images(places, line) for line in lines),
        options.checks([line.first.system for line in lines]) if compared else (),
    )


def _parts(lines: Sequence[BoardLine]) -> tuple[int, ...]:
    """The rows at which a class of lines begins, except the first."""
    sizes = [len(one.lines) for one in classes_of(lines)]
    return tuple(accumulate(sizes))[:-1]


def _stars(
    lines: Sequence[BoardLine],
    columns: Sequence[Sequence[Measured | None]],
    *,
    compared: bool,
) -> str:
    """The note on stars and on rows that were not tested."""
    tested = set()
    for cells in columns:
        for number, cell in enumerate(cells):
            if cell and cell.differs is not None:
                tested.add(number)
    if not tested:
        return "No difference was tested: a test needs ten scenes, and systems ranked together."
    other = "the first row" if compared else "the best that it is ranked with"
    said = (
        f"*: differs significantly from {other} (paired test by scene, p ≤ {SIGNIFICANCE}, Holm's "
        "correction for all pairs that are ranked together)."
    )
    if not compared:
        return said
    untested = [one.name for n, one in enumerate(lines[1:], 1) if n not in tested]
    return f"{said} Not tested: {', '.join(untested)}." if untested else said


def _name(line: BoardLine) -> str:
    """The line's name and marks, as in the report."""
    return f"{line.name} ({', '.join(line.marks)})" if line.marks else line.name


def _images(places: Sequence[PaperPlace], line: BoardLine) -> int:
    rows = (place.row(line) for place in _leading(places))
    return most_images(filter(None, rows))


def _note(
    content: Content,
    places: Sequence[PaperPlace],
    lines: Sequence[BoardLine],
    columns: Sequence[Cells],
) -> str:
    """The note on what follows numbers, what was left out, and what may not be compared."""
    said = _beside_numbers(columns)
    for place in _leading(places):
        said += left_out_notes(place.rows())
        said += _seen_notes(content, place.board)
    said += protocol_notes(_scored_under(content, places, lines))
    said += empty_notes(_scored_rows(places, lines))
    if any(line.at_scales for line in lines):
        said.append(SCALES_NOTE)
    tracks = []
    for line, place in product(lines, places):
        if place.convention:
            tracks.append(track_of(content, line, place.convention)[0])
    said.append(notice_on((line.first.budget for line in lines), filter(None, tracks)))
    sentences = list(map(capital, dict.fromkeys(filter(None, said))))
    return "".join(f"{text}. " for text in sentences).strip()


def _scored_rows(
    places: Sequence[PaperPlace],
    lines: Sequence[BoardLine],
) -> Iterator[tuple[str, Row]]:
    """The rows of scores behind a table, with the names of their lines."""
    shown = {line.name for line in lines}
    for place in places:
        for name, row in place.rows().items():
            if row.protocol and name in shown:
                yield name, row


def _beside_numbers(columns: Sequence[Cells]) -> list[str]:
    cells = list(filter(None, chain.from_iterable(columns)))
    said = []
    if any(cell.interval for cell in cells):
        said.append("Brackets: 95 % intervals over scenes")
    if any(cell.spread is not None for cell in cells):
        said.append("±: standard deviation over trainings")
    return said


def _seen_notes(content: Content, board: Board) -> list[str]:
    """Notes on test pictures that are in training too; the sentence's end is added later."""
    notes = seen_notes(content.out, board.key.dataset, board.key.data_revision)
    return [note.removesuffix(".") for note in notes]


def _scored_under(
    content: Content,
    places: Sequence[PaperPlace],
    lines: Sequence[BoardLine],
) -> dict[str, list[str]]:
    """The conventions of the lines of the same pictures, with those that a table lacks."""
    rebuilt = any(line.first.system in content.reconstructions for line in lines)
    conventions: dict[str, list[str]] = {}
    for board in {place.board.key: place.board for place in places}.values():
        every = board.scored_under()
        for line in board.lines:
            apart = line.first.system in content.reconstructions
            if line.reference or apart is rebuilt:
                conventions.setdefault(line.name, []).extend(every[line.name])
    return conventions


def _leading(places: Sequence[PaperPlace]) -> list[PaperPlace]:
    """The columns by which lines are counted: that of the leading metric, else the first."""
    leading: dict[object, PaperPlace] = {}
    for place in places:
        if place.convention is None:
            continue
        group = place.board.key, place.convention
        if (
            group not in leading
            or place.key == place.board.leading(place.convention).name
        ):
            leading[group] = place
    return list(leading.values())
