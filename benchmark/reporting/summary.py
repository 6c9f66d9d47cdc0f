"""Summary of a study in plain sentences, computed from its numbers."""

from collections.abc import Sequence

from defocus.benchmark.leaderboard.rows import Row
from defocus.benchmark.leaderboard.tables import budget_notice, budget_words
from defocus.benchmark.reporting.content import (
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
from defocus.benchmark.statistics.comparable import CEILING, Track
from defocus.progress import counted

__all__ = ["introduction", "one_line", "sentences"]


def one_line(rows: Sequence[Row]) -> str:
    """One line on what was compared; empty if nothing has finished."""
    if not rows:
        return ""
    restoring = {row.system for row in rows} - {CEILING, "input"}
    systems = counted(len(restoring), "system") if restoring else "The blurry input"
    images, scenes = (max(getattr(row, name) for row in rows) for name in ("images", "scenes"))
    datasets = ", ".join(sorted({row.dataset for row in rows}))
    budgets = budget_words({row.budget for row in rows})
    pictures = f"{counted(images, 'picture')} of {counted(scenes, 'scene')}"
    return f"{systems} on {pictures}: {datasets}; {budgets}"


def introduction(rows: Sequence[Row]) -> str:
    """Introduction: how to read the leaderboard."""
    if not rows:
        return "No run has finished yet."
    budgets = {row.budget for row in rows}
    if budget_notice(budgets):
        return (
            f"Trained under the {budget_words(budgets)}: systems stand in alphabetical order, "
            "nothing is ranked or marked as best there, and the numbers must not be compared with "
            "published ones."
        )
    return (
        "Ranks are by PSNR within one track: input, training data, origin of weights, budget. The "
        "best of a column is bold, the second underlined."
    )


def sentences(content: Content) -> list[str]:
    """The abstract of a report: one paragraph per setting, then the failed runs."""
    found = [
        _of_setting(content, setting, rows) for setting, rows in settings(content.rows).items()
    ]
    failed = [group[0] for group in content.groups if not group[0].scored]
    if failed:
        names = ", ".join(display_name(content, entry.system) for entry in failed)
        found.append(f"Without scores: {names}; the reasons are listed.")
    return [text for text in found if text] or [introduction(content.rows)]


def _of_setting(content: Content, setting: ReportSetting, rows: list[Row]) -> str:
    protocol = main_protocol(setting, rows)
    psnr = [
        row
        for row in rows
        if (row.protocol, row.metric) == (protocol, "psnr") and row.value is not None
    ]
    if not psnr:
        return ""
    systems = sorted({row.system for row in psnr if not is_reference(content, row.system)})
    kind = f"{setting.split} picture"
    pictures = f"{counted(psnr[0].images, kind)} of {counted(psnr[0].scenes, 'scene')}"
    said = [f"{counted(len(systems), 'system')} restored {pictures} of {setting.dataset}."]
    said.append(
        f"The numbers here are PSNR under protocol {protocol} and profile {setting.profile}, "
        f"{budget_words([setting.budget])}."
    )
    reference = next((row for row in psnr if row.system == "input"), None)
    if reference is not None and reference.value is not None:
        said.append(f"The blurry input has {reference.value:.2f} dB.")
    for key, part in by_track([row for row in psnr if row.system in systems]):
        rivals = [row for row in part if row.system not in content.reconstructions]
        if rivals:
            ranked = ranks(content, setting, protocol, key)
            said += _of_track(content, key, rivals, reference, ranked)
            said += _apart(content, content.tracks.get((setting, protocol, key)))
    rebuilt = len(content.reconstructions.intersection(systems))
    if rebuilt:
        said.append(f"Reconstructions ({rebuilt}) stand in tables of their own and are not ranked.")
    return " ".join(said)


def _of_track(
    content: Content,
    key: TrackKey,
    rows: list[Row],
    reference: Row | None,
    ranked: dict[str, int],
) -> list[str]:
    values = [row.value for row in rows if row.value is not None]
    if not ranked:
        if len(rows) == 1:
            name = display_name(content, rows[0].system)
            return [f"With {key.words}, {name} has {values[0]:.2f} dB; it is not ranked."]
        low, high = (f"{value:.2f}" for value in (min(values), max(values)))
        where = f"lie between {low} and {high} dB" if low != high else f"have {low} dB each"
        return [f"With {key.words}, {len(rows)} systems {where}; they are not ranked."]
    first = min(rows, key=lambda row: ranked.get(row.system, len(rows) + 1))
    most = "the highest mean, " if len(rows) > 1 else ""
    said = f"With {key.words}, {display_name(content, first.system)} has {most}{first.value:.2f} dB"
    if first.ci_low is not None and first.ci_high is not None:
        said += f" (95 % interval {first.ci_low:.2f} to {first.ci_high:.2f} dB)"
    if reference is not None and reference.value is not None and first.value is not None:
        said += f", {first.value - reference.value:+.2f} dB against the input"
    return [f"{said}."]


def _apart(content: Content, track: Track | None) -> list[str]:
    """Sentence on how reliable the first place is."""
    if track is None or not track.alike or not track.standings or track.standings[0].rank != 1:
        return []
    first = track.standings[0]
    equal = sorted({name for names in track.alike if first.system in names for name in names})
    others = [display_name(content, name) for name in equal if name != first.system]
    if not others:
        return ["It differs significantly from every other system."]
    *most, last = others
    names = f"{', '.join(most)} and {last}" if most else last
    return [f"It does not differ significantly from {names}."]
