"""CLIP-IQA, MUSIQ and CKDN, by the optional package ``pyiqa`` (the extra ``iqa``).

It is its own extra: its licence and weights are non-commercial, and it installs 120 packages."""

import contextlib
import functools
import importlib
import importlib.util
import sys
import warnings
from typing import Any

import numpy as np

from defocus.benchmark.metrics.metric import (
    Mask,
    Metric,
    MetricUnavailableError,
    Picture,
)
from defocus.benchmark.scoring.profiles import Profile

REMEDY = (
    "pip install 'defocus[iqa]' (pyiqa: non-commercial licence, about 120 packages)"
)


def is_installed() -> bool:
    """Whether the package is installed; it is not imported."""
    return importlib.util.find_spec("pyiqa") is not None


def _score(name: str, *pictures: Picture) -> float:
    """The package's score of pictures ``(H, W, 3)`` in [0, 1], in the order it expects."""
    if not is_installed():
        raise MetricUnavailableError(f"{name} needs the package pyiqa: {REMEDY}")
    import torch

    tensors = (
        torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
        for picture in pictures
    )
    model = _model(name)
    with torch.no_grad(), contextlib.redirect_stdout(sys.stderr):
        return float(model(*tensors))


def _without_reference(
    name: str,
    display_name: str,
    *,
    decimals: int,
    top: float,
) -> Metric:
    """A metric of the package that looks at the whole restored picture alone."""

    def compute(
        restored: Picture,
        reference: Picture,  # noqa: ARG001
        mask: Mask,  # noqa: ARG001
        profile: Profile,  # noqa: ARG001 - every metric takes these
    ) -> float:
        return _score(name, np.clip(restored, 0.0, 1.0))

    return Metric(
        name=name,
        display_name=display_name,
        better="higher",
        unit="",
        decimals=decimals,
        compute=compute,
        span=(0.0, top),
        against="nothing",
        on_request=True,
        remedy=REMEDY,
        ready=is_installed,
    )


@functools.cache
def _model(name: str) -> Any:  # noqa: ANN401 - the package has no types
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("pyiqa").create_metric(name, device="cpu")
        except (
            ImportError,
            OSError,
            RuntimeError,
        ) as error:  # no network, a broken install
            text = " ".join(str(error).split())[:200]
            raise MetricUnavailableError(f"pyiqa gives no {name} ({text})") from error


def _ckdn(restored: Picture, blurry: Picture, mask: Mask, profile: Profile) -> float:  # noqa: ARG001 - every metric takes these
    """CKDN of the centre only: the shorter side is resized to 329 px, of which 288 are used."""
    return _score("ckdn", np.clip(restored, 0.0, 1.0), blurry)


CKDN = Metric(
    name="ckdn",
    display_name="CKDN",
    better="higher",
    unit="",
    decimals=3,
    compute=_ckdn,
    span=(0.0, 1.0),
    against="input",
    on_request=True,
    remedy=REMEDY,
    ready=is_installed,
)

WITHOUT_REFERENCE = (
    _without_reference("clipiqa", "CLIP-IQA", decimals=3, top=1.0),
    # the KonIQ-10k weights
    _without_reference("musiq", "MUSIQ", decimals=2, top=100.0),
)
