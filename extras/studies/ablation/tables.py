"""Tables of an ablation: compared with the paper, and by circle of confusion."""

import statistics
from collections.abc import Sequence
from itertools import starmap

from defocus.benchmark.leaderboard.columns import column
from defocus.extras.studies.ablation.study import LineResult
from defocus.reports.model import Cell, Column, Table


def paper_table(name: str, measured: Sequence[LineResult]) -> Table:
    """Each line's PSNR, and its distance to the plain loss, beside the paper's."""
    plain = measured[0]
    columns = (
        "Line",
        column("psnr", "PSNR, truth"),
        Column("±", "dB", None, 2),
        Column("to 1", "dB", None, 2),
        column("psnr", "gt"),
        column("psnr", "deformed"),
        Column("to 1", "dB", None, 2),
        column("psnr", "paper"),
        Column("to 1", "dB", None, 2),
        Column("mask", "", None, 2),
        Column("time", "s", None, 0),
    )
    rows = tuple(_row(line, plain) for line in measured)
    seeds = len(next(iter(plain.psnr.values()), []))
    note = (
        f"{seeds} seeds, {plain.steps} steps; ±: standard deviation over the seeds; mask: share "
        "of pixels kept; paper: SDD, deformed ground truth"
    )
    return Table.of(f"Ablation of {name}", columns, rows, note)


def _row(line: LineResult, plain: LineResult) -> tuple[Cell, ...]:
    truth = _mean(line, "truth")
    plain_truth = _mean(plain, "truth")
    deformed = _mean(line, "deformed-gt")
    plain_deformed = _mean(plain, "deformed-gt")
    values = line.psnr.get("truth", [])
    return (
        line.label,
        truth,
        statistics.stdev(values) if len(values) > 1 else None,
        _apart(truth, plain_truth),
        _mean(line, "gt"),
        deformed,
        _apart(deformed, plain_deformed),
        line.paper_psnr,
        _apart(line.paper_psnr, plain.paper_psnr),
        line.kept_share,
        line.seconds,
    )


def blur_table(measured: Sequence[LineResult], names: Sequence[str]) -> Table:
    """Gain over the plain loss by circle of confusion, against the truth."""
    plain = measured[0]
    columns: tuple[Column | str, ...] = (
        "Line",
        *(Column(f"{name} px", "dB", None, 2) for name in names),
    )
    every = []
    for line in measured[1:]:
        pairs = zip(line.by_blur, plain.by_blur, strict=True)
        every.append((line.label, *starmap(_apart, pairs)))
    rows = tuple(every)
    caption = "Gain over the plain loss by circle of confusion"
    return Table.of(
        caption,
        columns,
        rows,
        "PSNR of all pixels of a bin together, against the truth",
    )


def _mean(line: LineResult, protocol: str) -> float | None:
    values = line.psnr.get(protocol)
    return statistics.fmean(values) if values else None


def _apart(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second
