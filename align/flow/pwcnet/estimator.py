"""PWC-Net as an estimator of optical flow."""

import hashlib
import lzma
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import safetensors
import torch

from defocus.align.flow.estimator import check_frames
from defocus.align.flow.pwcnet.network import (
    LEVEL_NAMES,
    NVLABS,
    SNIKLAUS,
    InnerWarp,
    PWCNet,
    estimate_flow,
)
from defocus.errors import WeightsError
from defocus.reading import parse_json, read_json, refuse_zip_bomb, require_file
from defocus.storage.files import sha256_file
from defocus.storage.tensor_files import load_tensors, reading_tensors
from defocus.storage.torch_files import UNREADABLE, check_state, entries_of

NVLABS_UNUSED = "deconv2"
"""A module (2 to 2 channels, 4 x 4) in NVlabs' files that no forward pass uses."""


def nvlabs_modules() -> dict[str, str]:
    """Module name in NVlabs' files to module name in ours, in NVlabs' order.

    ``deconvN`` and ``upfeatN`` belong to the level below in ours; level 6 has ``conv6aa``."""
    names = _extractor_modules()
    for level in range(6, 1, -1):
        level_name = LEVEL_NAMES[level - 1]
        for index in range(5):
            layer = LEVEL_NAMES[index]
            names[f"conv{level}_{index}.0"] = f"{level_name}.{layer}.0"
        names[f"predict_flow{level}"] = f"{level_name}.netSix.0"
        if level > 2:
            below = LEVEL_NAMES[level - 2]
            names[f"deconv{level}"] = f"{below}.netUpflow"
            names[f"upfeat{level}"] = f"{below}.netUpfeat"
    for index in range(7):
        suffix = "" if index == 6 else ".0"
        theirs = f"dc_conv{index + 1}{suffix}"
        names[theirs] = f"netRefiner.netMain.{2 * index}"
    return names


def _extractor_modules() -> dict[str, str]:
    """The names of the layers that extract features."""
    names: dict[str, str] = {}
    for level, level_name in enumerate(LEVEL_NAMES, start=1):
        order = ("aa", "a", "b") if level == 6 else ("a", "aa", "b")
        for index, letters in zip((0, 2, 4), order, strict=True):
            names[f"conv{level}{letters}.0"] = f"netExtractor.{level_name}.{index}"
    return names


ORIGIN_KEY = "defocus_estimator"
OWN_ORIGIN = "pwcnet-own"
"""A safetensors file whose metadata has this under :data:`ORIGIN_KEY` holds weights of ours."""

CARD_KEY = "defocus_card"
"""Key of the metadata with JSON text on how the weights of ours were made; see
``flow_training.export``."""

SHIPPED = Path(__file__).parent / "weights" / "pwcnet-own.safetensors.xz"
"""The weights that the package carries; the JSON file beside them has the SHA-256 of what is in it.
xz can tell the two bytes of a half-precision number apart, a wheel's deflate cannot."""


@dataclass(frozen=True)
class Weights:
    """Weights under our names, and the form of the network that they were made for."""

    state: dict[str, torch.Tensor]
    inner_warp: InnerWarp
    own: bool
    normalise: bool
    sha256: str


def load_shipped_weights(path: Path = SHIPPED) -> Weights:
    """Load the weights that come with the package, packed by xz, after checking their hash."""
    name = path.with_suffix("").name
    try:
        wanted = str(read_json(path.with_name(name).with_suffix(".json"))["sha256"])
        content = lzma.decompress(path.read_bytes())
    except (OSError, ValueError, LookupError, TypeError, lzma.LZMAError) as error:
        raise WeightsError(
            f"{path}: the package's own weights are not complete ({error}); install it again"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != wanted:
        raise WeightsError(
            f"{path}: the package's own weights are damaged (SHA-256 {digest[:12]}… instead of "
            f"{wanted[:12]}…); install it again"
        )
    with TemporaryDirectory() as folder:
        unpacked = Path(folder) / name
        unpacked.write_bytes(content)
        return load_weights(unpacked)


def load_weights(path: Path) -> Weights:
    """Read ``.safetensors``, or any torch checkpoint with sniklaus' or NVlabs' names."""
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; check the path")
    metadata: dict[str, str] = {}
    if path.suffix == ".safetensors":
        state, metadata = _read_safetensors(path)
    else:
        state = _tensors(path, _read_checkpoint(path))
    inner_warp = SNIKLAUS
    if any(name.startswith("conv1a.") for name in state):
        state = _from_nvlabs(state)
        inner_warp = NVLABS
    else:
        renamed = {}
        for name, value in state.items():
            renamed[name.replace("module", "net")] = value
        state = renamed
    with torch.device("meta"):
        wanted = PWCNet().state_dict()
    check_state("PWC-Net", state, entries_of(wanted), str(path))
    own = metadata.get(ORIGIN_KEY) == OWN_ORIGIN
    return Weights(
        state,
        inner_warp,
        own,
        own and _normalises(path, metadata),
        sha256_file(path),
    )


def _normalises(path: Path, metadata: Mapping[str, str]) -> bool:
    """Whether the card of our own weights says that features are normalised."""
    try:
        answer = parse_json(metadata[CARD_KEY])["settings"]["normalise"]
        if not isinstance(answer, bool):
            raise TypeError(answer)
    except (LookupError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    return answer


def _read_safetensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    try:
        require_file(path)
        with (
            reading_tensors(path),
            safetensors.safe_open(path, framework="pt") as opened,
        ):
            metadata = opened.metadata() or {}
        state = load_tensors(path)
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    return state, metadata


def _read_checkpoint(path: Path) -> Any:  # noqa: ANN401 - whatever a stranger pickled
    try:
        refuse_zip_bomb(path)
        with warnings.catch_warnings():
            # about pickle dialects, which users cannot mend
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WeightsError:
    # torch's own text advises to switch the safe reader off, which nobody should do
    return WeightsError(
        f"{path}: not a weights file that can be read safely, it is damaged or holds more than "
        f"tensors ({type(error).__name__}); download it again"
    )


def _tensors(path: Path, content: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401 - see above
    """The tensors of a checkpoint, optionally under ``state_dict``."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path}: holds a {type(content).__name__}, not named tensors; it is not a checkpoint "
            "of PWC-Net"
        )
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise WeightsError(
                f"{path}: not a state dict: entry {name!r} is not a named tensor"
            )
    return dict(content)


def _from_nvlabs(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    modules = nvlabs_modules()
    renamed = {}
    for name, value in state.items():
        module, _, kind = name.rpartition(".")
        if module == NVLABS_UNUSED:
            continue
        if module in modules:
            name = f"{modules[module]}.{kind}"
        renamed[name] = value
    return renamed


class PWCNetFlow:
    """PWC-Net with loaded weights, frozen; they determine its form and its name in results."""

    def __init__(self, weights: Weights) -> None:
        self.name = OWN_ORIGIN if weights.own else "pwcnet-official"
        self.weights_sha256 = weights.sha256
        network = PWCNet(weights.inner_warp, normalise=weights.normalise)
        network.load_state_dict(weights.state)
        self._network = (
            network.eval()
            .requires_grad_(requires_grad=False)
            .to(memory_format=torch.channels_last)
        )

    @torch.no_grad()
    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Flow from ``first`` to ``second``; see ``FlowEstimator``."""
        check_frames(first, second)
        return self.unchecked(first, second, half=False)

    @torch.no_grad()
    def unchecked(
        self,
        first: torch.Tensor,
        second: torch.Tensor,
        *,
        half: bool,
    ) -> torch.Tensor:
        """Flow without a check of the frames, for which the program would wait for its GPU."""
        network = self._network.to(first.device)
        # the network was trained on blue, green, red
        return estimate_flow(
            network,
            first.float().flip(1),
            second.float().flip(1),
            half=half,
        )


def load_estimator(path: Path | None) -> PWCNetFlow:
    """Make the estimator with the weights of a file; None uses those that come with the package."""
    return PWCNetFlow(load_shipped_weights() if path is None else load_weights(path))
