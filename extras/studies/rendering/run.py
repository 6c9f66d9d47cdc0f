"""Render the dataset of a request of doses.

::

    DIR/
      render.json                  the request; a folder with another one is refused
      scenes/<scene>/              blurry.png, truth.png, defocus_map.npy, scene.json, and per dose
                                   sharp-<dose>.png and flow-<dose>.npy
      manifest.json                written last

The pairs of a scene share blurry picture, truth and defocus map. Each scene's folder appears
complete or not at all, so that an interrupted run can be continued.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defocus.cache import atomic_folder
from defocus.datasets.deriving.maker import claim_folder, kept_record
from defocus.datasets.manifest import RENDERING, make_manifest, write_manifest
from defocus.datasets.pair import Pair, Split
from defocus.datasets.stream.dataset import identity
from defocus.datasets.stream.photographs import (
    Photographs,
    find_photographs,
    read_photographs,
)
from defocus.errors import DatasetError
from defocus.extras.studies.rendering.request import DoseRequest, load_dose_request
from defocus.extras.studies.rendering.scene import DosedScene, render_doses
from defocus.files import write_bytes, write_json
from defocus.images import as_integer, write_image
from defocus.processes import in_processes
from defocus.progress import say, track
from defocus.scene.kernel_bank import KernelBank
from defocus.scene.occluders import Sources
from defocus.scene.pictures import Branch

__all__ = ["DOSE", "PHOTOGRAPH", "render_dosed_dataset"]

DOSE = "dose_px"
"""Key of a pair's metadata: the 95th percentile of its displacement, px."""

PHOTOGRAPH = "photograph"
"""Key of a pair's metadata: hash of the photograph behind, None for a texture."""

REVISION = 1
"""Raised by hand whenever a request gives other pixels."""

BRANCHES: Mapping[Split, Branch] = {
    "train": "train",
    "validation": "held-out",
    "test": "held-out",
}


def render_dosed_dataset(
    request_file: Path, out: Path, photographs: Path | None = None, jobs: int = 1
) -> tuple[Pair, ...]:
    """Render the scenes of a request into a manifest dataset, one pair per scene and dose.

    Training scenes are made of the photographs that a stream trains on, the others of those that it
    holds out; all are taken with the same lenses.

    Args:
        request_file: A TOML file, see :mod:`defocus.extras.studies.rendering.request`.
        out: The dataset's folder: absent, empty, or with an unfinished run of the same request.
        photographs: Folder to use instead of the request's.
        jobs: Number of scenes rendered at once; each process holds all photographs.

    Raises:
        SettingsError: The request has an unknown key or a wrong value.
        DatasetError: The folder of photographs has none that can be used, or ``out`` has other
            contents.
        StorageError: The disk is full or ``out`` is not writable.
    """
    request = load_dose_request(request_file, photographs)
    found = _photographs(request.photographs)
    bank = KernelBank("train")
    sources = {
        branch: Sources(read_photographs(found.of(branch)), branch)
        for branch in dict.fromkeys(BRANCHES.values())
    }
    order = request.model_dump(mode="json", exclude={"photographs"})
    content = json.dumps([order, identity(found), REVISION], sort_keys=True)
    claim_folder(
        out,
        RENDERING,
        {"format": "defocus-doses", "request": hashlib.sha256(content.encode()).hexdigest()},
    )
    wanted = _wanted(request)
    work = partial(_render, request=request, sources=sources, bank=bank, out=out)
    for _ in track(in_processes(work, wanted, jobs), "rendering", len(wanted)):
        pass
    pairs: list[Pair] = []
    for split, number in wanted:
        folder = _folder(out, split, number)
        facts = kept_record(folder / "scene.json")
        pairs += [_pair(folder, split, dose, facts) for dose in request.doses_px]
    write_manifest(out, make_manifest(out, tuple(pairs)))
    return tuple(sorted(pairs, key=lambda pair: pair.id))


def _photographs(folder: Path | None) -> Photographs:
    """The photographs of a folder; without one, it is said what the scenes are made of.

    Raises:
        DatasetError: There is none in the folder, or it cannot be read.
    """
    if folder is None:
        say("no photographs: scenes have textures alone; --photographs DIR gives them")
        return find_photographs(None)
    try:
        next(folder.iterdir(), None)  # what searches a folder passes over one that it cannot read
    except OSError as error:
        raise DatasetError(
            f"{folder}: cannot be read ({error.strerror}); check the folder of photographs"
        ) from error
    found = find_photographs(folder)
    if not found.files:
        raise DatasetError(
            f"{folder}: no photographs there; name a folder with some, or none for textures alone"
        )
    return found


def _wanted(request: DoseRequest) -> list[tuple[Split, int]]:
    """Splits and numbers; validation and test share a branch and no number."""
    counts = request.pairs
    return [
        *(("train", number) for number in range(counts.train)),
        *(("test", number) for number in range(counts.test)),
        *(("validation", counts.test + number) for number in range(counts.validation)),
    ]


def _folder(out: Path, split: Split, number: int) -> Path:
    return out / "scenes" / f"{split}-{number:04d}"


def _render(
    scene: tuple[Split, int],
    request: DoseRequest,
    sources: Mapping[Branch, Sources],
    bank: KernelBank,
    out: Path,
) -> None:
    """Render a scene into its folder, unless an earlier run did."""
    split, number = scene
    folder = _folder(out, split, number)
    if not folder.is_dir():
        made = render_doses(request, sources[BRANCHES[split]], bank, number)
        with atomic_folder(folder) as temporary:
            _write(temporary, made)


def _write(folder: Path, made: DosedScene) -> None:
    write_image(folder / "blurry.png", as_integer(made.blurry, 16))
    write_image(folder / "truth.png", as_integer(made.truth, 16))
    _write_array(folder / "defocus_map.npy", made.diameters)
    for dose, sharp in made.sharp.items():
        write_image(folder / f"sharp-{dose:g}.png", as_integer(sharp, 16))
        _write_array(folder / f"flow-{dose:g}.npy", made.flows[dose])
    write_json(
        folder / "scene.json",
        {
            "kind": made.kind,
            "gain_ev": made.gain_ev,
            "lens": made.lens,
            PHOTOGRAPH: made.photograph,
        },
    )


def _write_array(path: Path, array: NDArray[np.float32]) -> None:
    content = io.BytesIO()
    np.save(content, array.astype(np.float32))
    write_bytes(path, content.getvalue())


def _pair(folder: Path, split: Split, dose: float, facts: dict[str, Any]) -> Pair:
    return Pair(
        id=f"{folder.name}-{dose:g}px",
        scene=folder.name,
        split=split,
        blurry=folder / "blurry.png",
        sharp=folder / f"sharp-{dose:g}.png",
        truth=folder / "truth.png",
        flow=folder / f"flow-{dose:g}.npy",
        defocus_map=folder / "defocus_map.npy",
        metadata={DOSE: dose, **facts},
    )
