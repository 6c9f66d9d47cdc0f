"""Weights as a folder for the Hugging Face hub: card, ``config.json``, ``model.safetensors``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from defocus.baselines.weights.files import CONFIG, WEIGHTS, HubConfig
from defocus.baselines.weights.own import OwnCard
from defocus.benchmark.results.run_folder import package_version
from defocus.errors import InputError
from defocus.extra_packages import require
from defocus.extras.export.origin import WeightsOrigin
from defocus.storage.files import (
    make_folder,
    storing,
    sync_folder,
    write_json,
    write_text,
)
from defocus.storage.staging import staging_folder
from defocus.storage.tensor_files import save_tensors

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

VALIDATION = "validation pairs of the training stream"


def require_hub() -> None:
    """Refuse to go on without the library that writes the cards."""
    require("huggingface_hub", "export", "1.0")


def write_hub_folder(origin: WeightsOrigin, network: nn.Module, folder: Path) -> Path:
    """Write ``README.md``, ``config.json``, ``model.safetensors``; ``defocus.load`` reads them.

    Files of these names that hold anything else are refused: people edit them."""
    with staging_folder(make_folder(folder), ".hub-") as staging:
        _write_files(origin, network, staging)
        for path in staging.iterdir():
            _refuse_other(folder / path.name, path)
        with storing(folder):
            for path in staging.iterdir():
                path.replace(folder / path.name)
            sync_folder(folder)
    return folder


def _refuse_other(there: Path, new: Path) -> None:
    """Refuse a file that is there, unless it is what a run wrote that was killed meanwhile."""
    if os.path.lexists(there) and not (
        there.is_file() and there.read_bytes() == new.read_bytes()
    ):
        raise InputError(f"{there}: a file of that name exists; choose another --out")


def _write_files(origin: WeightsOrigin, network: nn.Module, folder: Path) -> None:
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_tensors(state, folder / WEIGHTS, origin.facts())
    config = HubConfig(
        system=origin.system.card.name,
        made_by=package_version(),
        licence=origin.stored.licence,
        trained_on=origin.stored.trained_on,
    )
    write_json(folder / CONFIG, config.model_dump(mode="json"))
    write_text(folder / "README.md", _page(origin))


def _page(origin: WeightsOrigin) -> str:
    """The card: what the hub reads of it, how to use it, and the model card of shipped weights."""
    card = origin.system.card
    use = (
        '```python\nimport defocus\n\nnetwork = defocus.load("PATH_OF_THIS_FOLDER")\n'
        'restored = defocus.restore("picture.jpg", system=network)\n```'
    )
    parts = [
        f"---\n{_data(origin).to_yaml()}\n---",
        f"# {card.display_name}",
        f"Single image defocus deblurring. {card.source[:1].upper()}{card.source[1:]}.",
        f"{card.follows[:1].upper()}{card.follows[1:]}.",
        use,
        f"Licence: {origin.stored.licence}. Trained on: {origin.trained_on}.",
    ]
    if origin.own is not None:
        parts += _measured(origin.own)
    if origin.model_card:
        parts.append(_sections(origin.model_card))
    return "\n\n".join(parts) + "\n"


def _measured(own: OwnCard) -> list[str]:
    """Result of the training's validation; empty where it has no gain."""
    if own.validation is None or own.validation_gain is None:
        return []
    blurry = own.validation - own.validation_gain
    return [
        (
            f"On {VALIDATION}, held out but like those of the training: "
            f"{own.validation:.2f} dB PSNR, {own.validation_gain:+.2f} dB above the blurry "
            f"pictures ({blurry:.2f} dB). "
            f"Training: {effort(own)}."
        )
    ]


def effort(card: OwnCard) -> str:
    """Steps, start and time, as a sentence without its full stop."""
    start = " from random weights" if not card.start_sha256 else ""
    time = f"{60 * card.hours:.1f} minutes"
    if card.cpu_hours is not None:
        time = f"{card.cpu_hours:.2f} CPU hours"
    device = f" with one {card.device}" if card.device else ""
    stages = f" in {card.stages} stages" if card.stages > 1 else ""
    return f"{card.step:,} steps{start}{stages}, {time}{device}"


def _sections(model_card: str) -> str:
    """The model card without its first words, which are about the files of the package."""
    _, mark, sections = model_card.partition("\n## ")
    return f"{mark}{sections}".strip()


def _data(origin: WeightsOrigin) -> "ModelCardData":
    """Data by which the hub searches, with the measured figure where there is one."""
    from huggingface_hub import EvalResult, ModelCardData

    card = origin.system.card
    own = origin.own
    mit = own is not None
    results = []
    if own is not None and own.validation is not None:
        results = [
            EvalResult(
                task_type="image-to-image",
                task_name="defocus deblurring",
                dataset_type="stream",
                dataset_name=VALIDATION,
                metric_type="psnr",
                metric_name="PSNR, dB",
                metric_value=round(own.validation, 2),
            )
        ]
    return ModelCardData(
        license="mit" if mit else "other",
        license_name=None if mit else origin.stored.licence,
        model_name=card.display_name,
        library_name="defocus",
        pipeline_tag="image-to-image",
        tags=["defocus-deblurring", "image-restoration", "deblurring"],
        metrics=["psnr"],
        eval_results=results or None,
    )
