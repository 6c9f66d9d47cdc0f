"""Abstract of a report: what was restored, and how sure the first place is, setting by setting."""

import math
from collections.abc import Sequence

from defocus.benchmark.leaderboard.classes import over_pictures
from defocus.benchmark.leaderboard.content import (
    Content,
    ReportSetting,
    TrackKey,
    by_track,
    display_name,
    is_reference,
    main_protocol,
    ranks,
    settings,
)
from defocus.benchmark.leaderboard.lines import line_of
from defocus.benchmark.leaderboard.rows import Row, restored_rows, valued_rows
from defocus.benchmark.statistics.comparable import TRUTH, Track
from defocus.benchmark.statistics.scored_group import INPUT
from defocus.progress import counted
from defocus.reports.display import shown_difference, signed_text


def sentences(content: Content) -> list[str]:
    """The abstract of a report: one paragraph per setting, then the failed runs."""
    texts = []
    for setting, rows in settings(content.rows).items():
        texts.append(_of_setting(content, setting, rows))
    failed = []
    for first, *_ in content.groups:
        if not first.scored:
            failed.append(display_name(content, first.system))
    if failed:
        names = ", ".join(failed)
        texts.append(f"Without scores: {names}; the reasons are listed.")
    return list(filter(None, texts))


def _of_setting(content: Content, setting: ReportSetting, rows: list[Row]) -> str:
    protocol = _told_protocol(setting, rows)
    scores = _psnr(rows, protocol)
    if not scores:
        return ""
    psnr = restored_rows(scores)
    restored = [row for row in psnr if not is_reference(content, row.system)]
    pictures = over_pictures(psnr, f"{setting.split} picture")
    said = [f"{_scored(restored)} {pictures} of {setting.dataset}."]
    said.append(
        f"The numbers here are PSNR under protocol {protocol} and profile {setting.profile}."
    )
    before = next((row.value for row in psnr if row.system == INPUT), None)
    if before is not None:
        said.append(f"The blurry input has {before:.2f} dB.")
    for key, part in by_track(restored):
        said += _of_track(content, (setting, protocol, key), part, before)
    return " ".join(said + _rebuilt(content, restored))


def _rebuilt(content: Content, rows: Sequence[Row]) -> list[str]:
    many = len(content.reconstructions.intersection(row.system for row in rows))
    return [f"Reconstructions ({many}) are marked and not ranked."] if many else []


def _psnr(rows: Sequence[Row], protocol: str) -> list[Row]:
    """The rows that have a PSNR under a protocol."""
    of_protocol = [row for row in valued_rows(rows) if row.protocol == protocol]
    return [row for row in of_protocol if row.metric == "psnr"]


def _scored(rows: Sequence[Row]) -> str:
    lines = set(map(line_of, rows))
    if not lines:
        return "The blurry input alone was scored on"
    return f"{counted(len(lines), 'system')} restored"


def _told_protocol(setting: ReportSetting, rows: Sequence[Row]) -> str:
    """The protocol of the abstract: the truth of rendered pictures, else the profile's own."""
    true = any(row.protocol == TRUTH and row.value is not None for row in rows)
    return TRUTH if true else main_protocol(setting, rows)


def _of_track(
    content: Content,
    place: tuple[ReportSetting, str, TrackKey],
    rows: Sequence[Row],
    before: float | None,
) -> list[str]:
    """The best system of a track, and how sure its place is; the range where none is ranked."""
    rivals = [row for row in rows if row.system not in content.reconstructions]
    if not rivals:
        return []
    *_, track = place
    ranked = ranks(content, *place)
    if ranked:
        first = min(rivals, key=lambda row: ranked.get(line_of(row)[:3], math.inf))
        name = display_name(content, first.system)
        most = "the highest mean, " if len(rivals) > 1 else ""
        said = f"{name} has {most}{_mean(first, before)}"
    else:
        said = f"{_range(content, rivals)} not ranked"
    apart = _apart(content, content.tracks.get(place))
    return [f"With {track.words}, {said}.", *apart]


def _mean(row: Row, before: float | None) -> str:
    """The PSNR of a row with its interval, and next to it that of the input."""
    said = f"{row.value:.2f} dB"
    if row.ci_low is not None and row.ci_high is not None:
        said += f" (95 % interval {row.ci_low:.2f} to {row.ci_high:.2f} dB)"
    if before is not None and row.value is not None:
        above = shown_difference(row.value, before, 2)
        said += f", {signed_text(above, 2)} dB against the input"
    return said


def _range(content: Content, rows: Sequence[Row]) -> str:
    """The PSNR of systems without a rank."""
    values = [row.value for row in rows if row.value is not None]
    low = f"{min(values):.2f}"
    high = f"{max(values):.2f}"
    if len(rows) == 1:
        name = display_name(content, rows[0].system)
        return f"{name} has {low} dB; it is"
    where = f"between {low} and {high} dB" if low != high else f"{low} dB each"
    return f"{len(rows)} systems have {where}; they are"


def _apart(content: Content, track: Track | None) -> list[str]:
    """Sentence on how reliable the first place is."""
    if (
        track is None
        or not track.alike
        or not track.standings
        or track.standings[0].rank != 1
    ):
        return []
    names = {one.label: display_name(content, one.system) for one in track.standings}
    first, run = track.standings[0].label, track.alike[0]
    if run[0] != first:
        return ["It differs significantly from every other system."]
    last = names[run[-1]]
    beside = (
        last
        if len(run) == 2
        else f"the {len(run) - 1} systems after it, down to {last}"
    )
    return [f"It does not differ significantly from {beside}."]
