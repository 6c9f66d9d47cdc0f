"""Export of trained weights: a half-precision file with a card that says how they were made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jinja2 import StrictUndefined, Template
from safetensors.torch import save

from defocus import __version__
from defocus.align.flow.pwcnet.estimator import CARD_KEY, ORIGIN_KEY, OWN_ORIGIN
from defocus.align.flow.pwcnet.network import PWCNet
from defocus.storage.files import (
    make_folder,
    sha256_file,
    write_bytes,
    write_json,
    write_text,
)
from research.flow_training.plan import TrainingPlan

WEIGHTS = "pwcnet-own.safetensors"
CARD = "CARD.md"
FACTS = "pwcnet-own.json"

TEMPLATE = Path(__file__).parent / "card.md.j2"


@dataclass(frozen=True)
class Provenance:
    """Origin of the weights."""

    pictures: Sequence[str]  # names of the textures of the split ``train``
    pictures_note: str  # origin and licence
    device: str  # of the last part of the training
    # on validation pairs, by estimator and column; these weights first
    scores: Mapping[str, Mapping[str, float | None]]
    # mean and largest change of the flow by float16
    half_precision_px: tuple[float, float]


def export(
    folder: Path,
    plan: TrainingPlan,
    seconds: float,
    network: PWCNet,
    provenance: Provenance,
) -> Path:
    """Write the weights in float16 and their card, as text and for programs; return the file."""
    weights = make_folder(folder) / WEIGHTS
    facts = _facts(plan, seconds, provenance)
    metadata = {ORIGIN_KEY: OWN_ORIGIN, CARD_KEY: json.dumps(facts)}
    write_bytes(weights, in_one_order(save(half_precision(network), metadata)))
    sha256 = sha256_file(weights)
    write_text(folder / CARD, _card(facts, sha256))
    write_json(folder / FACTS, {"sha256": sha256} | facts)
    return weights


def in_one_order(file: bytes) -> bytes:
    """A safetensors file with sorted metadata, so that equal weights have the same hash.

    The library's order changes from call to call."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8 bytes
    length = len(text).to_bytes(8, "little")
    return length + text + file[end:]


def half_precision(network: PWCNet) -> dict[str, torch.Tensor]:
    """The state dict in float16."""
    state = {}
    for name, value in network.state_dict().items():
        half = value.detach().cpu().to(torch.float16)
        state[name] = half.contiguous()
    return state


def _facts(
    plan: TrainingPlan,
    seconds: float,
    provenance: Provenance,
) -> dict[str, object]:
    mean_px, greatest_px = provenance.half_precision_px
    return {
        "network": "PWC-Net, official names and shapes, 9,374,274 parameters, float16",
        "licence": "MIT",
        "made_by": f"defocus {__version__}, python -m research.flow_training",
        "settings": plan.settings.model_dump(mode="json"),
        "seed": plan.seed,
        "steps": plan.settings.steps,
        "seconds": round(seconds),
        "device": provenance.device,
        "started_from": plan.start,
        "pictures": list(provenance.pictures),
        "pictures_sha256": plan.pictures,
        "pictures_note": provenance.pictures_note,
        "scores": {name: dict(errors) for name, errors in provenance.scores.items()},
        "half_precision_px": {"mean": mean_px, "greatest": greatest_px},
    }


def _card(facts: Mapping[str, object], sha256: str) -> str:
    """The card as Markdown."""
    template = Template(
        TEMPLATE.read_text(encoding="utf-8"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    card: str = template.render(facts, sha256=sha256)
    return card
