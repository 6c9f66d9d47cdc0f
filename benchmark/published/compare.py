"""Compare a measured number with a published one and list reasons for differences."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.published.numbers import Published, all_published, published_dataset
from defocus.benchmark.scoring.profiles import PROFILES, Profile, find_profile
from defocus.benchmark.statistics.comparable import RANKED_BUDGETS

__all__ = ["Comparison", "compared", "printed_beside", "profile_reasons", "source_profile"]

OFFICIAL_FLOW = "pwcnet-official"
"""The estimator behind published numbers under ``deformed-gt``."""

_SYSTEM_PROFILES = {
    "dpdnet": "dpdd16",
    "ifan": "dpdd8",
    "restormer-single": "dpdd8",
    "restormer-dual": "dpdd16",
    "drbnet": "dpdd8-crop16",
    "kpac": "png8",
}
"""What the authors' own scripts compute, by how the published id begins."""

_SHIFTS = {
    "sharp_depth": "the official script reads the upper 8 of 16 bits",
    "clamp": "clamping of the output differs",
    "rounded": "one side rounds the output to 8 bits",
    "crop_multiple": "the official script crops to a multiple of {theirs}",
    "ssim_window": "SSIM's window is {theirs} there; the window alone moves SSIM by about 0.03",
    "grid": "the official warp is shifted by up to half a pixel (about 32 dB on an equal pair)",
}


@dataclass(frozen=True)
class Comparison:
    """A measured number compared with a printed one; the difference is measured minus published."""

    system: str
    dataset: str
    protocol: str
    metric: str
    ours: float
    published: float
    difference: float
    source: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For ``published --against STUDY --json``."""
        return asdict(self)


def compared(rows: Sequence[Row], published_as: str) -> list[Comparison]:
    """Compare the rows of one system with every published cell of its dataset and metric."""
    return [
        _comparison(row, cell, row.value)
        for row in rows
        for cell in all_published()
        if row.value is not None and cell.system == published_as and _same_cell(row, cell)
    ]


def printed_beside(row: Row, published_as: str) -> list[Published]:
    """The published cells that are comparable with a row, in the order of the tables."""
    # There are none under a budget that cannot compare systems, nor under ``deformed-gt`` unless
    # the flow's weights are the official ones. The caller excludes reconstructions.
    hopeless = row.protocol == "deformed-gt" and row.flow != OFFICIAL_FLOW
    if hopeless or row.budget not in RANKED_BUDGETS:
        return []
    cells = (cell for cell in all_published() if cell.system == published_as)
    return [cell for cell in cells if _same_cell(row, cell)]


def _same_cell(row: Row, cell: Published) -> bool:
    if cell.metric != row.metric:
        return False
    if not row.protocol:  # a cost is of the system, whatever the dataset
        return cell.dataset in {"none", published_dataset(row.dataset)}
    protocol = "gt" if cell.protocol == "unspecified" else cell.protocol
    return cell.dataset == published_dataset(row.dataset) and protocol == row.protocol


def _comparison(row: Row, cell: Published, ours: float) -> Comparison:
    return Comparison(
        row.system,
        row.dataset,
        row.protocol,
        row.metric,
        ours,
        cell.true_value,
        ours - cell.true_value,
        cell.source,
        tuple(_reasons(row, cell)),
    )


def source_profile(cell: Published) -> Profile | None:
    """The profile behind a printed cell, None if unknown."""
    if cell.source.startswith("JDRL") and cell.dataset == "sdd-test":
        return PROFILES["jdrl-sdd"] if cell.protocol == "deformed-gt" else PROFILES["dpdd8"]
    for begin, name in _SYSTEM_PROFILES.items():
        if cell.system.startswith(begin):
            return PROFILES[name]
    return None


def _reasons(row: Row, cell: Published) -> list[str]:
    reasons = []
    if row.weights != "official":
        reasons.append(f"weights: ours are {row.weights} ({row.budget} budget), not the official")
    if cell.protocol == "unspecified" and row.protocol:
        reasons.append("protocol: the source does not say; gt is what its scripts do")
    if row.protocol == "deformed-gt" and row.flow != OFFICIAL_FLOW:
        reasons.append(
            f"flow: not comparable; ours is {row.flow}, theirs PWC-Net's official weights"
        )
    if row.protocol:
        reasons += profile_reasons(row.profile, cell)
    if cell.metric == "seconds":
        reasons.append("seconds are of another machine")
    if cell.note:
        reasons.append(f"note of the source's row: {cell.note}")
    return reasons


def profile_reasons(profile: str, cell: Published) -> list[str]:
    """What makes a value under one of our profiles differ from a printed one."""
    theirs = source_profile(cell)
    if theirs is None:
        return ["profile: which one the source used is not known"]
    ours = find_profile(profile)
    differing = [
        _SHIFTS[field.name].format(theirs=getattr(theirs, field.name))
        for field in fields(Profile)
        if field.name in _SHIFTS
        and getattr(ours, field.name) != getattr(theirs, field.name)
        and (field.name != "ssim_window" or cell.metric == "ssim")
    ]
    return [f"profile {ours.name} against {theirs.name}: {text}" for text in differing]
