"""Make a dataset from some pairs of another, with unchanged files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from defocus.cache import atomic_folder
from defocus.datasets.deriving.derived import origin_of, place_file
from defocus.datasets.files.fingerprint import pair_files
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.pair import Dataset, Pair
from defocus.datasets.step import MakingStep
from defocus.progress import track

__all__ = ["keep_pairs"]


def keep_pairs(
    dataset: Dataset, pairs: Sequence[Pair], out: Path, chosen: MakingStep
) -> tuple[Pair, ...]:
    """Write pairs into ``out/pairs/<id>/``, then the manifest; existing files stay."""
    kept = tuple(_kept(pair, out / "pairs" / pair.id) for pair in track(pairs, "keeping"))
    steps = (*dataset.steps, chosen)
    write_manifest(out, make_manifest(out, kept, origin_of(dataset), steps))
    return kept


def _kept(pair: Pair, folder: Path) -> Pair:
    files = pair_files(pair)
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            for role, path in files.items():
                place_file(path, temporary / f"{role}{path.suffix.lower()}")
    # names of fields are no types: these are all paths
    placed: dict[str, Any] = {
        role: folder / f"{role}{path.suffix.lower()}" for role, path in files.items()
    }
    return replace(pair, **placed)
