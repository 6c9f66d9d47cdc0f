"""From photographs of a chart to weights for their lens: measure, fine-tune, compare, report."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from defocus.baselines.card import Baseline
from defocus.baselines.weights.store import StoredWeights, build_with
from defocus.benchmark.results.lock import study_lock
from defocus.benchmark.results.run_folder import package_version
from defocus.datasets.pair import Dataset
from defocus.datasets.stream.dataset import stream_dataset
from defocus.errors import InputError
from defocus.extras.charts.lens.files import (
    FULL_FRAME_MM,
    measure_lens,
    read_chart_pictures,
)
from defocus.extras.charts.lens.probes import ChartShot
from defocus.extras.charts.own_lens.gains import Gains, measure_gains
from defocus.extras.charts.own_lens.mtf import ChartMtf, chart_mtf
from defocus.extras.charts.own_lens.page import (
    ShownPictures,
    chart_slider,
    own_lens_page,
    scene_sliders,
)
from defocus.extras.charts.own_lens.training import train_on
from defocus.extras.charts.own_lens.verdict import Verdict
from defocus.extras.charts.systems.restorers import restoring
from defocus.progress import counted, say
from defocus.reading import read_json
from defocus.reports.html import write_html
from defocus.scene.lens_file import MeasuredLens, read_lens, write_lens
from defocus.storage.files import atomic_path, sha256_file, write_json, write_text
from defocus.training.devices import best_device
from defocus.training.record.folder import CHECKPOINT

LENS, STREAM, REQUEST, TRAINING, REPORT = (
    "lens.json",
    "stream.toml",
    "my-lens.json",
    "training",
    "report.html",
)
OWN, GENERAL = "this lens", "general"


@dataclass(frozen=True)
class OwnLensRequest:
    """The request for weights of a lens; None leaves lens values to the photographs."""

    pictures: Sequence[Path]
    # F-number of all, or of each; empty for that in their EXIF data
    f_numbers: Sequence[float]
    open_f_number: float | None  # None for that of the fastest photograph
    sensor_width_mm: float | None  # width of the sensor; None assumes full frame
    linear: bool
    # folder of sharp photographs; None for procedural textures alone
    photographs: Path | None
    minutes: float
    system: Baseline
    start: StoredWeights

    def identity(self) -> dict[str, Any]:
        """Facts that another request in the same folder must agree with, as JSON values."""
        return {
            "charts": list(map(sha256_file, self.pictures)),
            "f_numbers": list(self.f_numbers),
            "open_f_number": self.open_f_number,
            "sensor_width_mm": self.sensor_width_mm or FULL_FRAME_MM,
            "linear": self.linear,
            "photographs": None
            if self.photographs is None
            else str(self.photographs.resolve()),
            "minutes": self.minutes,
            "system": self.system.card.name,
            "start": self.start.sha256,
        }


@dataclass(frozen=True)
class OwnLens:
    """Finished weights of a lens, and the gains of held-out scenes through it and others."""

    weights: Path
    report: Path
    lens: Gains
    others: Gains
    charts: Sequence[ChartMtf]

    @property
    def verdict(self) -> Verdict:
        """Whether the weights are to be used."""
        return Verdict.of(self.lens, self.others)

    def words(self) -> str:
        """The verdict as one line."""
        return self.verdict.words(self.lens)

    def to_json(self) -> dict[str, Any]:
        """The object that ``my-lens --json`` prints."""
        return {
            "weights": str(self.weights),
            "report": str(self.report),
            "verdict": self.verdict.to_json(),
            "lens": asdict(self.lens),
            "others": asdict(self.others),
            "charts": list(map(asdict, self.charts)),
        }


def make_own_weights(request: OwnLensRequest, out: Path) -> OwnLens:
    """Do the remaining work in a folder with the lens's name; an interrupted run continues."""
    with study_lock(out):
        _require_same(request, out)
        say(f"1 of 5: reading {counted(len(request.pictures), 'picture')} of the chart")
        shots = read_chart_pictures(
            request.pictures,
            request.f_numbers,
            linear=request.linear,
        )
        measured = _measured(request, shots, out)
        say("3 of 5: rendering held-out scenes through this lens and others, once")
        lens = stream_dataset(request.photographs, measured)
        others = stream_dataset(request.photographs, None)
        say(f"4 of 5: rendering patches, and training for {request.minutes:g} min")
        after = train_on(
            request.system,
            request.start,
            lens,
            others,
            request.minutes,
            out / TRAINING,
        )
        say("5 of 5: comparing with the general weights")
        before = build_with(request.system, request.start)
        return _compared(request, out, shots, measured, (lens, others), (before, after))


def _require_same(request: OwnLensRequest, out: Path) -> None:
    """Refuse a folder with a lens from another request; a folder without a fitted lens is free."""
    wanted = request.identity()
    path = out / REQUEST
    if not path.is_file():
        return
    kept = read_json(path)
    earlier = kept if isinstance(kept, dict) else {}
    differing = [
        name.replace("_", " ") for name in wanted if earlier.get(name) != wanted[name]
    ]
    if differing:
        raise InputError(
            f"{out}: holds weights of other pictures or options ({', '.join(differing)}); choose "
            "another --out"
        )


def _measured(
    request: OwnLensRequest,
    shots: Sequence[ChartShot],
    out: Path,
) -> MeasuredLens:
    """The lens, and a mapping file that names it for ``stream:``."""
    path = out / LENS
    if path.is_file():
        say(f"2 of 5: the lens is measured: {path}")
    else:
        say("2 of 5: fitting the lens, which takes minutes")
        _, lens = measure_lens(
            request.pictures,
            shots,
            request.sensor_width_mm,
            request.open_f_number,
        )
        write_json(out / REQUEST, request.identity())
        write_text(out / STREAM, stream_document(request.photographs))
        write_lens(path, lens)
    return read_lens(path)


def stream_document(photographs: Path | None) -> str:
    """The mapping file of the lens's stream, TOML; the folder's name may hold anything."""
    named = ""
    if photographs is not None:  # a string of JSON is one of TOML too
        named = f"photographs = {json.dumps(str(photographs.resolve()))}\n"
    return f'lens = "{LENS}"\n{named}'


def _compared(
    request: OwnLensRequest,
    out: Path,
    shots: Sequence[ChartShot],
    measured: MeasuredLens,
    datasets: tuple[Dataset, Dataset],
    networks: tuple[nn.Module, nn.Module],
) -> OwnLens:
    """Compare both weights, and write the new ones with their label and the report."""
    device = best_device()
    card = request.system.card
    before, after = (one.to(device) for one in networks)
    of_lens, of_others = datasets
    lens = measure_gains(of_lens, card, before, after, device)
    others = measure_gains(of_others, card, before, after, device)
    name = out.resolve().name
    weights = out / f"{card.name}-{name}.safetensors"
    verdict = Verdict.of(lens, others)
    _write_weights(out, weights, (lens, others), verdict)
    restores = {OWN: restoring(after), GENERAL: restoring(before)}
    charts = tuple(chart_mtf(request.pictures, shots, restores))
    by_name = {OWN: after, GENERAL: before}
    scenes = scene_sliders(of_lens, lens, card, by_name, device)
    pictures = ShownPictures(scenes, chart_slider(shots, restores))
    origin = _origin(request)
    page = own_lens_page(name, (lens, others), charts, pictures, measured, origin)
    write_html(page, out / REPORT)
    _say_verdict(verdict, weights)
    return OwnLens(
        weights,
        out / REPORT,
        lens,
        others,
        charts,
    )


def _origin(request: OwnLensRequest) -> dict[str, str]:
    """From what the weights were made, for the report."""
    photographs = request.photographs
    return {
        "Network": request.system.card.display_name,
        "Begun with": request.start.label,
        "Minutes": f"{request.minutes:g}",
        "Photographs": "none" if photographs is None else photographs.name,
        "Made by": package_version(),
    }


def _say_verdict(verdict: Verdict, weights: Path) -> None:
    """Say whether the new weights shall be used."""
    if verdict.recommended:
        say(f"{weights}: use it with: defocus-restore PICTURE --weights {weights}")
    else:
        say(f"{weights}: not shown to be better than the general weights; use those")


def _write_weights(
    out: Path,
    weights: Path,
    gains: tuple[Gains, Gains],
    verdict: Verdict,
) -> None:
    """Write the weights and, next to them, their origin, which their label in a store says too."""
    lens, others = gains
    marks = "" if verdict.recommended else " (not shown better than general weights)"
    marks += " (worse through others)" if verdict.worse_elsewhere else ""
    write_json(
        out / "run.json",
        {
            "dataset": f"stream of the lens {out.resolve().name}{marks}",
            "gain_db": {
                "general": float(np.mean(lens.before)),
                "own": float(np.mean(lens.after)),
            },
            "gain_of_other_lenses_db": {
                "general": float(np.mean(others.before)),
                "own": float(np.mean(others.after)),
            },
            "verdict": verdict.to_json(),
        },
    )
    with atomic_path(weights) as temporary:
        shutil.copyfile(out / TRAINING / CHECKPOINT, temporary)
