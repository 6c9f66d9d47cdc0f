"""Render the dataset of a request of doses.

Pairs of a scene share all but ``sharp-<dose>`` and ``flow-<dose>.npy``."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from defocus.datasets.deriving.maker import Derivation, kept_record, make_dataset
from defocus.datasets.pair import Pair, Split
from defocus.datasets.stream.dataset import identity
from defocus.datasets.stream.photographs import (
    Photographs,
    find_photographs,
    read_photographs,
)
from defocus.errors import DatasetError
from defocus.extras.studies.dose_dataset.request import DoseRequest, load_dose_request
from defocus.extras.studies.dose_dataset.scene import render_doses
from defocus.pictures import picture_name
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_array, write_image
from defocus.processes.machines import Where
from defocus.progress import say
from defocus.scene.kernel_bank import KernelBank
from defocus.scene.occluders import Sources
from defocus.scene.pictures import Branch
from defocus.storage.files import write_json

DOSE = "dose_px"
"""Key of a pair's metadata: the 95th percentile of its displacement, px."""

PHOTOGRAPH = "photograph"
"""Key of a pair's metadata: hash of the photograph behind, None for a texture."""

REVISION = 1
"""Revision of the dataset, raised by hand whenever a request gives other pixels."""

BRANCHES: Mapping[Split, Branch] = {
    "train": "train",
    "validation": "held-out",
    "test": "held-out",
}


def _sha256(request: DoseRequest, pictures: Photographs) -> str:
    """The hash of everything that determines the pictures."""
    order = request.model_dump(mode="json", exclude={"photographs"})
    content = json.dumps([order, identity(pictures), REVISION], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def render_dosed_dataset(
    request_file: Path,
    out: Path,
    photographs: Path | None = None,
    where: Where = 1,
) -> tuple[Pair, ...]:
    """Render the scenes of a request into a manifest dataset, one pair per scene and dose.

    Training scenes are of the photographs that a stream trains on, others of held-out ones."""
    request = load_dose_request(request_file, photographs)
    pictures = _photographs(request.photographs)
    sources = {}
    for branch in dict.fromkeys(BRANCHES.values()):
        sources[branch] = Sources(read_photographs(pictures.of(branch)), branch)
    scenes = {}
    for split, number in _wanted(request):
        scenes[f"{split}-{number:04d}"] = (split, number)
    how = Derivation(
        "render",
        {"format": "defocus-doses", "request": _sha256(request, pictures)},
        scenes,
        partial(_write, request=request, sources=sources, bank=KernelBank("train")),
        partial(_pairs, doses=request.doses_px),
        title="rendering",
        origin=str(request_file),
        thing="scene",
        parts="scenes",
    )
    making = make_dataset(out, how, where)
    if making.left_out:
        first = making.left_out[0]
        raise DatasetError(
            f"{out}: scene {first.id} cannot be rendered; {first.reason}"
        )
    return tuple(sorted(making.pairs, key=lambda pair: pair.id))


def _photographs(folder: Path | None) -> Photographs:
    """The photographs of a folder; without one, a message says what the scenes are made of."""
    if folder is None:
        say("no photographs: scenes have textures alone; --photographs DIR gives them")
        return find_photographs(None)
    try:
        # what searches a folder passes over one that it cannot read
        next(folder.iterdir(), None)
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be read ({error.strerror}); check the folder of photographs"
        ) from error
    photographs = find_photographs(folder)
    if not photographs.files:
        raise DatasetError(
            f"{folder}: no photographs there; name a folder with some, or none for textures alone"
        )
    return photographs


def _wanted(request: DoseRequest) -> list[tuple[Split, int]]:
    """Splits and numbers; validation and test share a branch and no number."""
    counts = request.pairs
    numbers: dict[Split, range] = {
        "train": range(counts.train),
        "test": range(counts.test),
        "validation": range(counts.test, counts.test + counts.validation),
    }
    wanted: list[tuple[Split, int]] = []
    for split, of_split in numbers.items():
        wanted += [(split, number) for number in of_split]
    return wanted


def _write(
    scene: tuple[Split, int],
    folder: Path,
    request: DoseRequest,
    sources: Mapping[Branch, Sources],
    bank: KernelBank,
) -> None:
    """Render a scene into its folder."""
    split, number = scene
    pair = render_doses(request, sources[BRANCHES[split]], bank, number)
    write_image(folder / picture_name("blurry"), as_integer(pair.blurry, 16))
    write_image(folder / picture_name("truth"), as_integer(pair.truth, 16))
    write_array(folder / "defocus_map.npy", pair.diameters.astype(np.float32))
    for dose, sharp in pair.sharp.items():
        write_image(folder / picture_name(f"sharp-{dose:g}"), as_integer(sharp, 16))
        write_array(folder / f"flow-{dose:g}.npy", pair.flows[dose].astype(np.float32))
    write_json(
        folder / "scene.json",
        {
            "kind": pair.kind,
            "gain_ev": pair.gain_ev,
            "lens": pair.lens,
            PHOTOGRAPH: pair.photograph,
        },
    )


def _pairs(
    scene: tuple[Split, int],
    folder: Path,
    doses: Sequence[float],
) -> Iterator[Pair]:
    facts = kept_record(folder / "scene.json")
    for dose in doses:
        yield _pair(folder, scene[0], dose, facts)


def _pair(
    folder: Path,
    split: Split,
    dose: float,
    facts: dict[str, Any],
) -> Pair:
    return Pair(
        id=f"{folder.name}-{dose:g}px",
        scene=folder.name,
        split=split,
        blurry=folder / picture_name("blurry"),
        sharp=folder / picture_name(f"sharp-{dose:g}"),
        truth=folder / picture_name("truth"),
        flow=folder / f"flow-{dose:g}.npy",
        defocus_map=folder / "defocus_map.npy",
        metadata={DOSE: dose, **facts},
    )
