"""Make shipped weights from a training: half precision, with their origin."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from defocus.baselines.card import Baseline
from defocus.baselines.weights.conversion import wanted_entries
from defocus.baselines.weights.own import OwnCard, own_folder
from defocus.errors import InputError, WeightsError
from defocus.reading import read_json
from defocus.storage.files import make_folder, sha256_file, write_json
from defocus.storage.tensor_files import save_tensors
from defocus.storage.torch_files import check_state
from defocus.training.record.checkpoint import Checkpoint, load_checkpoint
from defocus.training.record.curve_files import read_curve, read_scores
from defocus.training.record.folder import CHECKPOINT, CURVE, TRAINING, VALIDATION

SECONDS_PER_HOUR = 3600
MOST_SHORT = torch.iinfo(torch.int16).max
AVERAGED = "module."
"""Prefix of the names of averaged weights. Such a file also has a count of steps."""


def ship_weights(system: Baseline, run: Path, folder: Path | None = None) -> Path:
    """Write the weights of a training in the form that comes with the package, with their card."""
    # For an unfinished training, the running average of the weights so far is used.
    target = folder or own_folder(system)
    if target is None:
        raise InputError(
            f"{system.card.name} is not part of this package; give a folder with --out"
        )
    facts = _facts(run / TRAINING)
    if facts["system"] != system.card.name:
        raise InputError(
            f"{run}: a training of {facts['system']}, not of {system.card.name}"
        )
    checkpoint = load_checkpoint(run / CHECKPOINT, facts["run"])
    state = _weights(checkpoint)
    check_state(system.card.name, state, wanted_entries(system), str(run))
    path = make_folder(target) / f"{system.card.name}.safetensors"
    write_half(state, path)
    card = _card(system, facts, checkpoint, run, sha256_file(path))
    write_json(path.with_suffix(".json"), card.model_dump())
    return path


def _facts(path: Path) -> dict[str, str]:
    try:
        facts = read_json(path)
        start = facts.get("start", {}).get("sha256", "")
        return {key: facts[key] for key in _NOTED} | {"start_sha256": start}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path}: no record of a training there ({error}); give a folder OUT/runs/ID of one"
        ) from error


_NOTED = ("run", "system", "revision", "training_revision", "dataset", "data_hash")


def _weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The weights that would be evaluated if the training ended here."""
    averaged = checkpoint.part("average")
    if not int(averaged.pop("n_averaged", torch.zeros(()))):
        return checkpoint.part("network")
    return {name.removeprefix(AVERAGED): tensor for name, tensor in averaged.items()}


def write_half(state: Mapping[str, Tensor], path: Path) -> None:
    """Write weights in half precision; a tensor with a number too large for it stays as it is."""
    halves = {}
    for name, tensor in state.items():
        halves[name] = _half(f"{path.name}, {name}", tensor)
    save_tensors(halves, path)


def _half(name: str, tensor: Tensor) -> Tensor:
    """Floats in half precision and tables of indices in 16 bits, where they fit."""
    if (
        tensor.dtype == torch.int64
        and tensor.numel()
        and tensor.abs().max() <= MOST_SHORT
    ):
        return tensor.to(torch.int16).contiguous()
    if not tensor.is_floating_point():
        return tensor.contiguous()
    if not torch.isfinite(tensor).all():
        raise WeightsError(
            f"{name}: not all of its numbers are finite; the training diverged"
        )
    half = tensor.half()
    return (half if torch.isfinite(half).all() else tensor).contiguous()


def _card(
    system: Baseline,
    facts: dict[str, str],
    checkpoint: Checkpoint,
    run: Path,
    sha256: str,
) -> OwnCard:
    rows = read_curve(run / CURVE, checkpoint.step, "seconds", "cpu_seconds")
    last = rows[-1] if rows else {"seconds": "0", "cpu_seconds": "0"}
    validations = read_scores(run / VALIDATION, checkpoint.step)
    scores = validations[-1] if validations else {}
    return OwnCard(
        sha256=sha256,
        code=checkpoint.code,
        step=checkpoint.step,
        steps=checkpoint.steps,
        hours=_hours(last["seconds"]),
        cpu_hours=_hours(last["cpu_seconds"]),
        validation=scores.get("validation"),
        validation_gain=scores.get("validation_gain"),
        curve=_gains(rows, validations),
        licence=system.card.licence,
        **facts,  # type: ignore[arg-type]  # checked by the model
    )


def _gains(
    rows: Sequence[Mapping[str, str]],
    validations: Sequence[Mapping[str, float]],
) -> tuple[tuple[int, float, float], ...]:
    """Step, hours of processor time and gain of each validation."""
    steps = [int(row["step"]) for row in rows]
    gains = []
    for one in validations:
        if "validation_gain" in one and (
            number := bisect_right(steps, int(one["step"]))
        ):
            hours = _hours(rows[number - 1]["cpu_seconds"])
            gains.append((int(one["step"]), hours, round(one["validation_gain"], 4)))
    return tuple(gains)


def _hours(seconds: str) -> float:
    return round(float(seconds) / SECONDS_PER_HOUR, 3)
