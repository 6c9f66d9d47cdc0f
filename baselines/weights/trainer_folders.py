"""Folders that other programs write: accelerate, the hub's shards, torch.distributed, DeepSpeed.

Their files are only looked at; nothing in them is run."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from defocus.errors import WeightsError
from defocus.reading import read_json

INDEX = ".index.json"
"""Suffix of the list that says which shard holds which tensor."""

_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})")

_MODELS = (
    "model.safetensors",
    "pytorch_model.safetensors",
    "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin",
    "model.bin",
)
"""Names under which accelerate and the hub's libraries store the network; the first is read."""

_FURTHER_MODEL = re.compile(r"(pytorch_)?model_\d+\.(safetensors|bin)")
"""Name of the second and further networks that accelerate stores, such as a critic."""

_TRUSTED = "if you trust it (this runs code in it)"

_JOIN = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch"
"""Command of PyTorch that joins the parts of a folder into one file."""


def is_shard(path: Path) -> bool:
    """Whether a file has one part of the tensors of a network, under their own names."""
    return _SHARD.fullmatch(path.stem) is not None


def shards_of_index(index: Path) -> list[Path]:
    """The files that an index lists, in their order; all lie beside it."""
    try:
        document = read_json(index)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{error}; download the index again") from error
    places = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(places, dict) or not places:
        raise WeightsError(
            f"{index}: lists no tensor (no 'weight_map'); download it again"
        )
    names = sorted({str(name) for name in places.values()})
    outside = [name for name in names if Path(name).name != name]
    if outside:
        raise WeightsError(
            f"{index}: lists {outside[0]}, which is no file beside it; refused"
        )
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise WeightsError(
            f"{index}: {len(missing)} of its {len(names)} shards are missing, such as "
            f"{missing[0]}; download them into the same folder"
        )
    return [index.parent / name for name in names]


def require_all_shards(files: Sequence[Path]) -> None:
    """Refuse shards if their names show that others are missing."""
    matches = [(file, _SHARD.fullmatch(file.stem)) for file in files]
    shards = [(file, match) for file, match in matches if match is not None]
    if not shards:
        return
    first, match = shards[0]
    count = int(match["count"])
    alike = {int(one["number"]) for _, one in shards if one["stem"] == match["stem"]}
    absent = [number for number in range(1, count + 1) if number not in alike]
    if absent:
        raise WeightsError(
            f"{first}: shard {absent[0]} of {count} is missing; give the folder with all of them"
        )


def require_whole_network(file: Path) -> None:
    """Refuse a file of torch.distributed, which holds parts of tensors, with its folder's line."""
    if file.name == ".metadata" or file.suffix == ".distcp":
        raise _in_parts(file.parent)


def _in_parts(folder: Path) -> WeightsError:
    """A refusal of a checkpoint of torch.distributed, with the command that joins its parts."""
    return WeightsError(
        f"{folder}: a checkpoint of torch.distributed; {_joining(folder)}"
    )


def _joining(parts: Path) -> str:
    """Advice on the parts of a network in a folder."""
    return f"convert it {_TRUSTED}: {_JOIN} {shlex.quote(str(parts))} weights.pth"


def network_files(folder: Path) -> list[Path] | None:
    """The files of the network in a folder of a known trainer; None for another folder."""
    names = {one.name for one in folder.iterdir()}
    _refuse_unreadable(folder, names)
    indexes = sorted(name for name in names if name.endswith(INDEX))
    safe = [name for name in indexes if ".safetensors" in name]
    if indexes:
        return shards_of_index(folder / (safe or indexes)[0])
    model = next((name for name in _MODELS if name in names), None)
    if model is None:
        return None
    further = sorted(name for name in names if _FURTHER_MODEL.fullmatch(name))
    if further:
        raise WeightsError(
            f"{folder}: holds several networks ({model}, {', '.join(further)}); give the file of "
            "the one that you mean"
        )
    return [folder / model]


def _refuse_unreadable(folder: Path, names: set[str]) -> None:
    """Refuse folders whose tensors lie in parts, with the command that joins them."""
    if ".metadata" in names or any(name.endswith(".distcp") for name in names):
        raise _in_parts(folder)
    parted = sorted(one.parent.name for one in folder.glob("*/.metadata"))
    if parted and not names & {*_MODELS}:
        raise WeightsError(
            f"{folder}: the network lies in parts in {parted[0]}; {_joining(folder / parted[0])}"
        )
    if "zero_to_fp32.py" in names and not names & {*_MODELS}:
        raise WeightsError(
            f"{folder}: a checkpoint of DeepSpeed; convert it {_TRUSTED}: python "
            f"{shlex.quote(str(folder / 'zero_to_fp32.py'))} {shlex.quote(str(folder))} weights"
        )
