"""Run a whole training: textures, validation pairs, steps and exported weights."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.pwcnet.estimator import load_weights
from defocus.align.flow.pwcnet.network import PWCNet, estimate_flow
from defocus.errors import InputError
from defocus.progress import say
from defocus.storage.files import make_folder
from research.alignment_truth.rendered.textures import Textures, load_textures
from research.flow_training.export import Provenance, export, half_precision
from research.flow_training.loss import end_point_error
from research.flow_training.pairs import FlowBatch, validation_batches
from research.flow_training.plan import TrainingPlan, TrainingSettings
from research.flow_training.train import train
from research.flow_training.validation import Row, class_errors, described


@dataclass(frozen=True)
class FlowRequest:
    """The user's request."""

    pictures: Sequence[Path]  # folders, for the textures
    pictures_note: str  # origin and licence, for the card
    settings: TrainingSettings
    seed: int  # of the initial weights and of every pair
    weights: Path | None  # to start from; None for random ones
    folder: Path  # for all results


def chosen_device(name: str) -> torch.device:
    """The device with a name: ``auto`` is the first CUDA device, else the CPU."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError("no CUDA device is available; use --device cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def train_flow(
    request: FlowRequest,
    device: torch.device,
    workers: int,
) -> Path:
    """Start or continue a training and export the weights, whose file is the result.

    With 0 workers this process renders; the result does not depend on their number."""
    textures = load_textures("train", request.pictures)
    unseen = load_textures("choose", request.pictures)
    started = load_weights(request.weights) if request.weights else None
    # one that cannot be made is said before the work, not after
    make_folder(request.folder)
    plan = TrainingPlan(
        request.settings,
        request.seed,
        _fingerprint(textures),
        started.sha256 if started else "",
    )
    pairs = validation_batches(plan, unseen)
    references = _references(pairs)
    for name, errors in references.items():
        say(f"{name}: {described(errors)}")
    trained = train(
        plan,
        textures,
        pairs,
        request.folder,
        device,
        workers=workers,
        start=started.state if started else None,
    )
    network = cast("PWCNet", trained.network)
    scores, change = _rounded_scores(network, pairs)
    provenance = Provenance(
        pictures=textures.names,
        pictures_note=request.pictures_note,
        device=_device_name(device),
        scores={"PWC-Net, these weights": scores, **references},
        half_precision_px=change,
    )
    return export(
        request.folder,
        plan,
        trained.seconds,
        network,
        provenance,
    )


def _fingerprint(textures: Textures) -> str:
    digest = hashlib.sha256()
    for name, picture in zip(textures.names, textures.pictures, strict=True):
        digest.update(f"{name}\0{picture.shape}\0".encode())
        digest.update(picture.tobytes())
    return digest.hexdigest()


def _references(pairs: Sequence[FlowBatch]) -> dict[str, Row]:
    """Errors of zero flow and of DIS, for comparison."""
    dis = flow_estimator("dis")
    still = []
    by_dis = []
    for pair in pairs:
        still.append(torch.zeros_like(pair.flow))
        by_dis.append(dis(pair.blurry.flip(1), pair.sharp.flip(1)))
    return {
        "zero flow": class_errors(still, pairs),
        "DIS": class_errors(by_dis, pairs),
    }


@torch.no_grad()
def _rounded_scores(
    network: PWCNet,
    pairs: Sequence[FlowBatch],
) -> tuple[Row, tuple[float, float]]:
    """Errors with weights rounded to float16, and the mean and largest change of the flow, px."""
    full = network.cpu().eval()
    rounded = PWCNet(normalise=full.normalise).eval()
    rounded.load_state_dict(half_precision(full))
    before = [estimate_flow(full, pair.blurry, pair.sharp) for pair in pairs]
    after = [estimate_flow(rounded, pair.blurry, pair.sharp) for pair in pairs]
    moves = []
    for flow, rounded_flow in zip(before, after, strict=True):
        moves.append(end_point_error(flow, rounded_flow).ravel())
    changes = torch.cat(moves)
    mean_and_largest = (float(changes.mean()), float(changes.max()))
    return class_errors(after, pairs), mean_and_largest


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
