"""Stored weights in the cache folder: one safetensors file and one card each.

An untrusted file is read by a process that only writes a safetensors file, checked afterwards."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from defocus.baselines.card import Baseline
from defocus.baselines.weights.files import weights_files
from defocus.baselines.weights.own import OWN, find_own_weights, own_card, own_weights
from defocus.baselines.weights.released import Released, released, systems_of_release
from defocus.baselines.weights.trainer_folders import is_shard
from defocus.cache import cache_folder, in_cache
from defocus.errors import InputError, StorageError, WeightsError
from defocus.processes.children import run_python
from defocus.progress import say
from defocus.reading import intact, read_json
from defocus.storage.files import atomic_path, make_folder, sha256_file, write_json
from defocus.training.record.folder import METADATA, TRAINING

if TYPE_CHECKING:  # a list of weights needs no torch
    import torch
    from torch import nn

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LIMIT_SECONDS = 900.0
_REMARK = "remark: "
"""First word of those lines from the converting process that a person should see."""


@dataclass(frozen=True)
class StoredWeights:
    """One set of weights, by a label that is unique per system."""

    # ``origin`` is ``own`` in the package, ``trained`` for our other checkpoints, else
    # ``official``, as the user states. ``source_sha256`` of several files is that of the list of
    # their hashes.

    system: str
    label: str
    origin: Literal["official", "trained", "own"]
    source: tuple[str, ...]
    source_sha256: str
    sha256: str
    licence: str
    trained_on: tuple[str, ...]
    added: str

    @property
    def path(self) -> Path:
        """Path of the converted file."""
        return _folder(self.system) / f"{self.label}.safetensors"

    def facts(self) -> dict[str, Any]:
        """Facts that identify them in a study, as JSON values."""
        return {
            "label": self.label,
            "origin": self.origin,
            "sha256": self.sha256,
        }

    def to_json(self) -> dict[str, Any]:
        """The object that ``defocus-bench weights list --json`` prints."""
        return {**asdict(self), "path": str(self.path)}


def all_weights(
    system: str = "",
) -> tuple[list[StoredWeights], dict[Path, WeightsError]]:
    """All added weights by system and label, and the errors of damaged cards."""
    stored: list[StoredWeights] = []
    damaged: dict[Path, WeightsError] = {}
    for card in sorted(_root().glob(f"{system or '*'}/*.json")):
        try:
            stored.append(_read_card(card))
        except WeightsError as error:
            damaged[card] = error
    return stored, damaged


def find_weights(system: Baseline, text: str) -> StoredWeights:
    """Find weights by label, ``own``, or by file, which is added if it is new."""
    from defocus.baselines.weights.conversion import wanted_entries

    system = system.plain
    if not wanted_entries(system):
        raise InputError(f"{system.card.name} has no weights; omit them")
    if text == OWN:
        text = str(own_weights(system))
    stored, damaged = all_weights(system.card.name)
    for each in stored:
        if each.label == text:
            return each
    card = _folder(system.card.name) / f"{text}.json"
    if card in damaged:
        raise damaged[card]
    _require_file(system, text, stored)
    source = _source_sha256(weights_files([Path(text)], system))
    for each in stored:
        if each.source_sha256 == source:
            return each
    return _added(system, text, stored, source)


def _require_file(system: Baseline, text: str, stored: Sequence[StoredWeights]) -> None:
    """Refuse a text that is neither a label nor a file."""
    if not Path(text).exists():
        shipped = [OWN] if find_own_weights(system) else []
        labels = ", ".join([*shipped, *(each.label for each in stored)]) or "none"
        raise InputError(
            f"{text}: neither a file nor weights added for {system.card.name} (there are: "
            f"{labels}); add them with: defocus-bench weights add {system.card.name} FILE"
        )


def _added(
    system: Baseline,
    text: str,
    stored: Sequence[StoredWeights],
    source: str,
) -> StoredWeights:
    """Add a new file under a label that no other weights have."""
    label = _label_of(Path(text))
    taken = any(each.label == label for each in stored)
    new = f"{label}-{source[:8]}" if taken else label
    return in_cache(lambda _: add_weights(system, [Path(text)], new))


def add_weights(
    system: Baseline,
    paths: Sequence[Path],
    label: str | None = None,
    trained_on: Sequence[str] = (),
    key: str = "",
) -> StoredWeights:
    """Convert, check and store weights files; the label is by default the first file's name."""
    files = weights_files(paths, system)  # first of all: torch takes seconds to import
    label = _checked_label(system, paths, label)
    source = _source_sha256(files)
    target = _target(system, label)
    _refuse_taken(target, source)
    _refuse_narrow(files)
    shipped = _shipped(system, files)
    own_datasets = _own_checkpoint(files)
    known = own_datasets if shipped is None else shipped
    facts = _released(system, files)
    _convert(system, key, target, shipped, files)
    stored = StoredWeights(
        system=system.card.name,
        label=label,
        origin=_origin(shipped, own_datasets),
        source=tuple(file.name for file in files),
        source_sha256=source,
        sha256=sha256_file(target),
        licence=facts.licence,
        trained_on=tuple(trained_on) or known or facts.trained_on,
        added=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_json(target.with_suffix(".json"), asdict(stored))
    return stored


def _target(system: Baseline, label: str) -> Path:
    """The file to store weights in; its folder is made."""
    return make_folder(_folder(system.card.name)) / f"{label}.safetensors"


def _checked_label(system: Baseline, paths: Sequence[Path], label: str | None) -> str:
    """The label to store weights under; refused if the system has no weights."""
    label = label or _label_of(paths[0])
    if not _LABEL.fullmatch(label):
        raise InputError(
            f"{label!r} is not a label; use letters, digits, '.', '_' and '-'"
        )
    if system.card.kind in ("reference", "classical"):
        raise InputError(f"{system.card.name} has no weights; omit --weights")
    return label


def _convert(
    system: Baseline,
    key: str,
    target: Path,
    shipped: tuple[str, ...] | None,
    files: Sequence[Path],
) -> None:
    """Write the state dict of the files, and see that the network takes it."""
    with atomic_path(target) as temporary:
        # torch is imported there first: for a wrong file once, not here too
        if shipped is None:
            convert_files(system.card.name, files, temporary, key)
        else:
            _convert_here(system.card.name, files, temporary)
        _checked_state(system, temporary, str(files[0]))


def convert_files(
    system: str,
    files: Sequence[Path],
    target: Path,
    key: str = "",
) -> None:
    """Read weights files of a system and write its state dict, in a separate process."""
    # Tensors of several files are named by the files' stems; an empty ``key`` is the table that
    # fits best.
    code = "from defocus.baselines.weights.store import convert_as_asked; convert_as_asked()"
    paths = [str(file.absolute()) for file in files]
    request = json.dumps([system, paths, str(target.absolute()), key])
    try:
        process = run_python("-c", code, request=request, seconds=_LIMIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"{files[0]}: not read within {_LIMIT_SECONDS:.0f} s; refused"
        ) from error
    if process.returncode == 0:
        for line in process.stderr.splitlines():
            if line.startswith(_REMARK):
                say(_as_typed(line.removeprefix(_REMARK), files))
        return
    if process.returncode == StorageError.exit_code:
        raise StorageError(_as_typed(process.stdout.strip(), files))
    if process.returncode == WeightsError.exit_code:
        raise WeightsError(_as_typed(process.stdout.strip(), files))
    raise WeightsError(
        f"{files[0]}: reading it crashed the process (exit code {process.returncode}: "
        f"{_last_line(process.stderr)}); the file is refused"
    )


def _as_typed(text: str, files: Sequence[Path]) -> str:
    """A message of the process, with paths as they were typed instead of absolute ones."""
    for file in files:
        text = text.replace(str(file.absolute()), str(file))
    return text


def _last_line(text: str) -> str:
    return next(
        (line for line in reversed(text.splitlines()) if line.strip()),
        "no message",
    )


def convert_as_asked() -> None:
    """Run the conversion: a request on stdin, a reason for refusal on stdout."""
    system, files, target, key = json.loads(sys.stdin.read())
    try:
        remarks = _convert_here(
            system,
            [Path(file) for file in files],
            Path(target),
            key,
        )
        sys.stderr.writelines(f"{_REMARK}{one}\n" for one in remarks)
    except (StorageError, WeightsError) as error:
        sys.stdout.write(str(error))
        sys.exit(error.exit_code)


def _convert_here(
    system: str,
    files: Sequence[Path],
    target: Path,
    key: str = "",
) -> tuple[str, ...]:
    """As :func:`convert_files`, in this process, for files of this package; return remarks."""
    from defocus.baselines.registry import baseline
    from defocus.baselines.weights.conversion import state_for
    from defocus.baselines.weights.reading import read_tensors
    from defocus.storage.tensor_files import save_tensors

    tensors: dict[str, torch.Tensor] = {}
    for file in files:
        module = (
            ""
            if len(files) == 1 or is_shard(file)
            else f"{file.name.partition('.')[0]}."
        )
        for name, tensor in read_tensors(file).items():
            tensors[f"{module}{name}"] = tensor
    remarks: list[str] = []
    state = state_for(baseline(system), tensors, str(files[0]), key, remarks.append)
    save_tensors(state, target)
    return tuple(remarks)


def shipped_weights(system: Baseline) -> StoredWeights | None:
    """The weights that the package ships for a system, as stored; None where it ships none."""
    system = system.plain
    path = find_own_weights(system)
    if path is None:
        return None
    sha256 = own_card(path).sha256
    every, _ = all_weights(system.card.name)
    for stored in every:
        if stored.source_sha256 == sha256 and stored.origin == OWN:
            return stored
    return find_weights(system, OWN)


def load_state(system: Baseline, weights: StoredWeights) -> "dict[str, torch.Tensor]":
    """Load the state dict of added weights, after checking hash, names and shapes."""
    again = f"add it again: defocus-bench weights add {weights.system} FILE --label {weights.label}"
    if not weights.path.is_file():
        raise WeightsError(f"{weights.path}: missing; {again}")
    if sha256_file(weights.path) != weights.sha256:
        raise WeightsError(
            f"{weights.path}: damaged (its SHA-256 has changed); {again}"
        )
    return _checked_state(system, weights.path, str(weights.path))


def build_with(system: Baseline, weights: StoredWeights | None) -> "nn.Module":
    """Build the network of a system in evaluation mode, with added weights if there are any."""
    network = system.build()
    if weights is not None:
        network.load_state_dict(load_state(system, weights), strict=True)
    return network.eval()


def _checked_state(
    system: Baseline,
    path: Path,
    origin: str,
) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError

    from defocus.baselines.weights.conversion import wanted_entries
    from defocus.storage.tensor_files import load_tensors
    from defocus.storage.torch_files import check_state

    with intact(path, "add it again", WeightsError, SafetensorError, OSError):
        state = load_tensors(path)
    check_state(system.card.name, state, wanted_entries(system), origin)
    return state


def _root() -> Path:
    return cache_folder() / "weights"


def _folder(system: str) -> Path:
    return _root() / system


def _label_of(path: Path) -> str:
    """A label from a file's name, without its suffix and limited to allowed characters."""
    stem = path.name.partition(".")[0] if path.is_file() else path.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "weights"


def _source_sha256(files: Sequence[Path]) -> str:
    try:
        hashes = [sha256_file(file) for file in files]
    except OSError as error:
        raise WeightsError(
            f"{error.filename}: cannot be read ({error.strerror}); check the path"
        ) from error
    if len(hashes) == 1:
        return hashes[0]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _refuse_taken(target: Path, source: str) -> None:
    card = target.with_suffix(".json")
    if card.exists() and _read_card(card).source_sha256 != source:
        raise WeightsError(
            f"{target.stem}: other weights of {target.parent.name} have that label; choose another "
            "with --label"
        )


def _shipped(system: Baseline, files: Sequence[Path]) -> tuple[str, ...] | None:
    """The training dataset of weights that come with this package; None for other files."""
    path = find_own_weights(system)
    return (
        (own_card(path).dataset,)
        if path is not None and list(files) == [path]
        else None
    )


def _released(system: Baseline, files: Sequence[Path]) -> Released:
    """What is known of the files by their name, else what the system's card says."""
    known = released(system.card.name, [file.name for file in files])
    if known is None:
        for file in files:
            _refuse_other_system(file, system.card.name)
        return Released(system.card.weights_trained_on, system.card.licence)
    say(f"{files[0].name}: known by its name; if it is another file, rename it")
    return known


def _refuse_other_system(file: Path, system: str) -> None:
    """Refuse a released file of another system, whose shapes may be equal but not its numbers."""
    others = systems_of_release(file.name)
    if others and system not in others:
        raise WeightsError(
            f"{file}: known by its name, as weights of {others[0]}; give that system, or rename it "
            "if it is another file"
        )


def _own_checkpoint(files: Sequence[Path]) -> tuple[str, ...] | None:
    """The training datasets of our own checkpoint; None for other files."""
    from safetensors import SafetensorError, safe_open

    if len(files) != 1 or files[0].suffix != ".safetensors":
        return None
    try:
        with safe_open(files[0], framework="np") as handle:
            is_own = METADATA in (handle.metadata() or {})
    except (SafetensorError, OSError):  # the conversion names what is wrong with it
        return None
    if not is_own:
        return None
    try:
        facts = read_json(files[0].parent / "run.json")
        return (str(facts["dataset"]),)
    except (OSError, ValueError, LookupError, TypeError):  # moved away from its study
        return ()


def _refuse_narrow(files: Sequence[Path]) -> None:
    """Refuse the checkpoint of a narrow copy with words that say more than names and shapes."""
    try:
        facts = read_json(files[0].parent / TRAINING)
    except (OSError, ValueError):  # not in the folder of a training
        return
    if isinstance(facts, dict) and "narrow" in facts:
        raise WeightsError(
            f"{files[0]}: a narrow copy, as the budget demo trains them; weights are of whole "
            "networks: train with --budget quick"
        )


def _read_card(path: Path) -> StoredWeights:
    with intact(path, "delete it and add the weights again", WeightsError, OSError):
        document = read_json(path)
        for name in ("source", "trained_on"):
            document[name] = tuple(document[name])
        stored = StoredWeights(**document)
    if (stored.system, stored.label) != (path.parent.name, path.stem):
        raise WeightsError(
            f"{path}: a card of {stored.system} {stored.label}; delete it"
        )
    return stored


def _origin(
    shipped: tuple[str, ...] | None,
    own_datasets: tuple[str, ...] | None,
) -> Literal["official", "trained", "own"]:
    """Who trained weights: this project, somebody with this program, or a paper's authors."""
    if shipped:
        return "own"
    return "official" if own_datasets is None else "trained"
