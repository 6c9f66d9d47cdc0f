"""Weights files as they were given, before any is read, and folders of the Hugging Face hub."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

from defocus.baselines.card import Baseline
from defocus.baselines.weights.trainer_folders import (
    INDEX,
    network_files,
    require_all_shards,
    require_whole_network,
    shards_of_index,
)
from defocus.errors import WeightsError
from defocus.progress import counted
from defocus.reading import read_json
from defocus.settings import Settings, parse_settings

CONFIG, WEIGHTS = "config.json", "model.safetensors"


class HubConfig(Settings):
    """``config.json``, which says to which network the weights in its folder belong."""

    library_name: Literal["defocus"] = "defocus"
    system: str
    made_by: str
    licence: str
    trained_on: tuple[str, ...]


def read_hub_config(folder: Path) -> HubConfig:
    """Which network a folder holds."""
    path = folder / CONFIG
    try:
        document = read_json(path)
    except FileNotFoundError as error:
        raise WeightsError(
            f"{folder}: no {CONFIG} in it; give a folder of 'export-weights --to hub'"
        ) from error
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: damaged ({error}); export the weights again"
        ) from error
    return parse_settings(HubConfig, document, origin=str(path))


KINDS: Mapping[str, str] = {
    ".safetensors": "safetensors",
    ".npz": "npz",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    **dict.fromkeys(
        (
            ".pth",
            ".pth.tar",
            ".pt",
            ".pt2",
            ".pkl",
            ".ckpt",
            ".pytorch",
            ".bin",
            ".tar",
        ),
        "torch",
    ),
}
"""Kind of a weights file by the end of its name."""

SHOWN = 8


def weights_files(paths: Sequence[Path], system: Baseline) -> list[Path]:
    """The files of some paths; a folder stands for the files in it, sorted by name."""
    files = list(chain.from_iterable(map(_files, paths)))
    for file in files:
        if not file.exists():
            raise WeightsError(f"{file}: no such weights file; check the path")
        require_whole_network(file)
        kind_of(file)
    require_all_shards(files)
    _require_all(files, system)
    return files


def kind_of(path: Path) -> str:
    """The kind of a weights file by its name."""
    kind = next(
        (kind for end, kind in KINDS.items() if path.name.lower().endswith(end)),
        None,
    )
    if kind is None:
        raise WeightsError(f"{path}: unknown file type; known are {', '.join(KINDS)}")
    return kind


def _files(path: Path) -> list[Path]:
    if path.name.endswith(INDEX) and path.is_file():
        return shards_of_index(path)
    if not path.is_dir():
        return [path]
    network = network_files(path)
    if network is not None:
        return network
    inside = sorted(one for one in path.iterdir() if one.name[0] != ".")
    files = [one for one in inside if one.is_file()]
    if files:
        return files
    folders = [one.name for one in inside if one.is_dir()]
    if folders:
        raise WeightsError(
            f"{path}: holds folders and no file ({_listed(folders)}); give the one with the "
            "weights files"
        )
    raise WeightsError(f"{path}: an empty folder; give the weights file itself")


def _require_all(files: Sequence[Path], system: Baseline) -> None:
    """Refuse a part of weights that are several files; one file may be a checkpoint of ours."""
    wanted = system.card.weights_files
    names = [file.name.partition(".")[0] for file in files]
    if not wanted or (len(files) == 1 and names[0] not in wanted):
        return
    missing = [name for name in wanted if name not in names]
    other = [
        file.name for file, name in zip(files, names, strict=True) if name not in wanted
    ]
    if missing:
        raise WeightsError(
            f"{files[0]}: the weights of {system.card.name} are {counted(len(wanted), 'file')}; "
            f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} missing; give the folder "
            "that has all of them"
        )
    if other:
        raise WeightsError(
            f"{files[0].parent}: {_listed(other)} is not part of the weights of "
            f"{system.card.name}, which are {_listed(wanted)}; leave it out"
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
