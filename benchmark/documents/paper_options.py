"""Options of ``table``: which part of a study a paper's table shows."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from defocus.benchmark.leaderboard.columns import COST_COLUMNS, GAIN
from defocus.benchmark.leaderboard.lines import Board
from defocus.benchmark.metrics.metric import all_metrics
from defocus.command_line.options import Folder
from defocus.errors import InputError
from defocus.near_names import meant
from defocus.settings import CommandSettings, option

NAME = "name"
ROWS = "rows"
"""Orders of rows other than by a metric."""


class PaperOptions(CommandSettings):
    """Choice of a study's rows and columns; by default all rows and the usual columns."""

    out: Folder = option(Path("defocus-results"), "--out", heading="Study")
    """Folder of the study."""
    others: tuple[Folder, ...] = option((), "--with DIR")
    """Folder of another study of the same dataset, whose systems are added; repeatable."""
    rows: tuple[str, ...] = option((), "--rows NAME,NAME", heading="Printed tables")
    """Only the systems whose whole names match these shell patterns."""
    order: str = option("", "--order NAME")
    """Order of the rows within their class: a metric, best first; 'rows', as in --rows; or 'name'.
    By default the first column, best first."""
    metrics: tuple[str, ...] = option((), "--metrics NAME,NAME")
    """Columns, in this order: metrics, 'gain', and costs such as 'params_m'."""
    protocol: str = option("", "--protocol NAME")
    """Only the scores under this protocol."""
    significance: bool = option(False, "--significance")
    """Mark with * the systems that differ significantly from the best of their class (in
    'ablation', from the first row): a paired test by scene, p ≤ 0.05, corrected for all pairs of
    the class."""
    parts: tuple[str, ...] = option((), "--part NAME=PATTERN,PATTERN")
    """With 'ablation': a column with a check mark for the systems that have this part; repeatable.
    """
    as_csv: bool = option(False, "--csv")
    """Print CSV instead of LaTeX, one table below the other; leaderboard.csv in the study's folder
    is one table of all means."""
    target: Path | None = option(None, "--to", heading="Files")
    """File of leaderboard or pictures; it ends in .csv, .parquet, .tex or .json."""

    @property
    def patterns(self) -> list[str]:
        """The patterns of ``--rows``."""
        return _names(self.rows)

    @property
    def columns(self) -> list[str]:
        """The names of ``--metrics``; an unknown name is refused."""
        names = _names(self.metrics)
        known = [*all_metrics(), GAIN, *COST_COLUMNS]
        for name in names:
            _require(name, known, "--metrics")
        return names

    @property
    def ordering(self) -> str:
        """The name of ``--order``, empty for the first column; an unknown name is refused."""
        if self.order:
            _require(self.order, [*all_metrics(), GAIN, ROWS, NAME], "--order")
        return self.order

    def place(self, system: str) -> int:
        """Number of the first pattern of ``--rows`` that a system matches; -1 for none."""
        for number, pattern in enumerate(self.patterns):
            if fnmatchcase(system, pattern):
                return number
        return -1

    def checks(
        self,
        systems: Sequence[str],
    ) -> tuple[tuple[str, tuple[bool, ...]], ...]:
        """The names of ``--part``, each with the systems that have it."""
        checks = []
        for text in self.parts:
            name, sign, patterns = text.partition("=")
            if not sign:
                raise InputError(
                    f"--part {text}: give NAME=PATTERN, such as 'warp=jdrl-*'"
                )
            had = tuple(_matches(system, _names([patterns])) for system in systems)
            if not any(had):
                raise InputError(
                    f"--part {text}: no row has it; the rows are {', '.join(systems)}"
                )
            checks.append((name.strip(), had))
        return tuple(checks)


def _names(texts: Iterable[str]) -> list[str]:
    names: list[str] = []
    for text in texts:
        names += filter(None, map(str.strip, text.split(",")))
    return names


def _matches(system: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(system, one) for one in patterns)


def _require(name: str, known: Iterable[str], where: str) -> None:
    names = list(known)
    if name not in names:
        raise InputError(f"{where} {name}: unknown name; {meant(name, names)}")


def chosen_boards(boards: Iterable[Board], options: PaperOptions) -> list[Board]:
    """The leaderboards with the rows of ``--rows`` and the scores of ``--protocol`` alone."""
    every = list(boards)
    named: set[str] = set()
    protocols: set[str] = set()
    for board in every:
        named.update(line.first.system for line in board.lines)
        protocols.update(convention.protocol for convention in board.conventions)
    systems = sorted(named)
    for pattern in options.patterns:
        if not any(fnmatchcase(system, pattern) for system in systems):
            raise InputError(
                f"--rows {pattern}: no row is like it; {meant(pattern, systems)}"
            )
    if options.protocol:
        _require(options.protocol, sorted(protocols), "--protocol")
    chosen = []
    for board in every:
        part = _chosen_part(board, options)
        if part.lines and part.conventions:
            chosen.append(part)
    return chosen


def _chosen_part(board: Board, options: PaperOptions) -> Board:
    """The rows and conventions of one leaderboard that are asked for."""
    lines = board.lines
    conventions = board.conventions
    if options.rows:
        lines = tuple(one for one in lines if options.place(one.first.system) >= 0)
    if options.protocol:
        asked = options.protocol
        conventions = tuple(one for one in conventions if one.protocol == asked)
    return replace(board, lines=lines, conventions=conventions)
