"""JDRL objective: train any network on misaligned pairs.

Source: Li et al. (AAAI 2023), section 3; the README lists where the released code differs."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from defocus.align.flow.by_name import flow_estimator
from defocus.align.flow.calibration_mask import official_mask, paper_mask
from defocus.align.flow.estimator import FlowEstimator
from defocus.align.flow.pwcnet.estimator import PWCNetFlow
from defocus.align.sampling.warp import Grid, inverse, warp
from defocus.baselines.losses.charbonnier import charbonnier
from defocus.baselines.objective import (
    Batch,
    Objective,
    Progress,
    Result,
    detached,
    outputs_of,
)
from defocus.baselines.objective_registry import objective, recipe_changes
from defocus.baselines.objectives.jdrl.reblur import (
    reblurred_by_map,
    reblurring_network,
)
from defocus.baselines.objectives.jdrl.settings import (
    JDRLSettings,
    MaskKind,
    refuse_contradictions,
)
from defocus.baselines.recipe import Further
from defocus.errors import SettingsError
from defocus.settings import parse_settings
from defocus.training.objective import Parts

RELATIVE, ABSOLUTE_PX2 = 0.01, 0.5
"""Largest squared distance between there and back: a share of the squared lengths of both flows,
and a constant in px²."""


def mask_of(
    kind: MaskKind,
    forward: Tensor,
    backward: Tensor,
    band: float,
) -> Tensor:
    """Mask ``(N, 1, H, W)``, 1 where the forward flow, in the mask's frame, is reliable."""
    if kind == "paper":
        return paper_mask(forward, band)
    if kind == "official":
        return official_mask(forward, band)
    if kind == "consistency":
        return consistency_mask(forward, backward)
    return torch.ones_like(forward[:, :1])


def within(flow: Tensor, limit_px: float) -> Tensor:
    """Mask ``(N, 1, 1, 1)``, 1 where the mean length of a crop's flow is at most the limit."""
    lengths = torch.linalg.vector_norm(flow, dim=1)
    means = lengths.mean(dim=(1, 2))
    kept: Tensor = (means <= limit_px).to(flow.dtype)
    return kept[:, None, None, None]


def consistency_mask(forward: Tensor, backward: Tensor) -> Tensor:
    """``|f(x) + b(x + f(x))|² < 0.01 (|f(x)|² + |b(x + f(x))|²) + 0.5`` px², inside the frame."""
    # Unlike a band around the mean, it keeps all of an aligned pair and of a zoomed one. Source:
    # Sundaram, Brox, Keutzer, Dense point trajectories (ECCV 2010), eq. 5.
    back = warp(backward, forward)
    missed = (forward + back).square().sum(1, keepdim=True)
    squares = forward.square() + back.square()
    lengths = squares.sum(1, keepdim=True)
    height, width = forward.shape[-2:]
    columns = torch.arange(width, device=forward.device)
    rows = torch.arange(height, device=forward.device)[:, None]
    x = columns + forward[:, 0]
    y = rows + forward[:, 1]
    across = (x >= 0) & (x <= width - 1)
    down = (y >= 0) & (y <= height - 1)
    inside = (across & down)[:, None]
    agrees = missed < RELATIVE * lengths + ABSOLUTE_PX2
    return (agrees & inside).to(forward.dtype)


DOUBLING_EPOCHS = 15
"""Number of epochs in which a curriculum's limit doubles; the paper's warm-up has the same number.
"""


class JDRLObjective(Objective):
    """L = L_forward + L_reverse + alpha L_reblur, after the phases in the settings."""

    def __init__(
        self,
        settings: JDRLSettings | None = None,
        estimator: FlowEstimator | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings = settings or JDRLSettings()
        refuse_contradictions(settings)
        self.reblurring = reblurring_network(settings)
        self.own = _own_objective(settings)
        # in a tuple, an estimator that is a module is none of the objective's parameters
        self._flow = (
            estimator or flow_estimator(settings.estimator, settings.weights),
        )

    @property
    def estimator(self) -> FlowEstimator:
        """The flow estimator."""
        return self._flow[0]

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss and its parts, unweighted."""
        # ``mask_kept_share``, ``mask_kept_share_reverse`` and ``reblur_known_share`` are 0 to 1,
        # ``flow_px`` is the mean length of the forward flow.
        first = self.settings.pretraining
        if self.own is not None and first is not None and progress.epoch < first.epochs:
            own_loss, own_parts = self.own(network, batch, progress)
            return own_loss, {f"own_{name}": value for name, value in own_parts.items()}
        if progress.epoch < self.settings.joint_from:
            return self._reblur_alone(network, batch)
        restored = outputs_of(network, batch)["restored"]
        loss, parts = self.deformed(restored, batch, progress)
        forward_only = progress.in_warmup and self.settings.warmup == "forward"
        if self.settings.kernels == "none" or forward_only:
            return loss, parts
        return self._with_reblur(batch, restored, parts, loss)

    def _with_reblur(
        self,
        batch: Batch,
        restored: Tensor,
        parts: Parts,
        loss: Tensor,
    ) -> Result:
        """The loss and its parts with the reblurred output."""
        reblur = self.reblur_loss(restored, batch)
        parts = {**parts, "reblur": reblur.detach()}
        if self.settings.kernels == "thin-lens-measured":
            measured = _supervision(batch, "measured_blur").isfinite()
            parts["reblur_known_share"] = measured.float().mean().detach()
        return loss + self.settings.alpha * reblur, parts

    def deformed(
        self,
        restored: Tensor,
        batch: Batch,
        progress: Progress,
    ) -> Result:
        """The masked losses of both directions, or of the reverse one."""
        # In the warm-up, flow is measured with the blurry instead of the restored picture.
        target = batch.target
        warming = progress.in_warmup
        seen = one_picture(batch.blurry) if warming else restored
        if warming and self.settings.warmup == "forward":
            return self._forward_term(restored, batch, seen, target)
        to_target, back = self._both_ways(seen, batch)
        kind = self.settings.mask
        band = self.settings.band
        early = within(to_target, self._limit_px(progress))
        reverse, kept_back = self._term(
            target,
            restored,
            back,
            early * mask_of(kind, back, to_target, band),
        )
        backward = {
            "deblur_reverse": reverse.detach(),
            "mask_kept_share_reverse": kept_back,
        }
        if self.settings.deformation == "output":
            return reverse, backward
        forward, kept = self._term(
            restored,
            target,
            to_target,
            early * mask_of(kind, to_target, back, band),
        )
        return forward + reverse, _parts(forward, kept, to_target) | backward

    def _forward_term(
        self,
        restored: Tensor,
        batch: Batch,
        seen: Tensor,
        target: Tensor,
    ) -> Result:
        """The loss of the forward direction without a mask."""
        to_target = self._to_target(seen, batch)
        loss, kept = self._term(
            restored,
            target,
            to_target,
            torch.ones_like(to_target[:, :1]),
        )
        return loss, _parts(loss, kept, to_target)

    def _limit_px(self, progress: Progress) -> float:
        """Mean flow up to which crops are believed."""
        first = self.settings.curriculum_px
        return (
            math.inf
            if first is None
            else first * 2 ** int(progress.epoch / DOUBLING_EPOCHS)
        )

    def reblur_loss(self, restored: Tensor, batch: Batch) -> Tensor:
        """How far the restored picture, blurred again, is from the blurry one."""
        # With measured discs the mean divides by all pixels, including those of unknown blur.
        blurry = one_picture(batch.blurry)
        if self.settings.kernels == "thin-lens-measured":
            diameters = _supervision(batch, "measured_blur")
            measured = diameters.isfinite()
            blurred = reblurred_by_map(restored, diameters.nan_to_num())
            return self.charbonnier(measured * blurred, measured * blurry)
        if self.reblurring is None:
            blurred = reblurred_by_map(restored, _supervision(batch, "defocus_map"))
        elif self.settings.reblur_alone == "target":  # it stays as it is
            fixed = detached(dict(self.reblurring.named_parameters()))
            blurred = functional_call(self.reblurring, fixed, (restored, blurry))
        else:
            blurred = self.reblurring(restored, blurry)
        return self.charbonnier(blurred, blurry)

    def _reblur_alone(self, network: nn.Module, batch: Batch) -> Result:
        """Train R on the network's present output, or the target; the network gets no gradient."""
        if self.reblurring is None:
            raise ValueError("there is no reblurring network to train")
        blurry = one_picture(batch.blurry)
        if self.settings.reblur_alone == "target":
            sharp = warp(batch.target, self._to_target(blurry, batch))
        else:
            with torch.no_grad(), _evaluating(network):
                sharp = outputs_of(network, batch)["restored"]
        reblur = self.charbonnier(self.reblurring(sharp, blurry), blurry)
        return reblur, {"reblur": reblur.detach()}

    def _term(
        self,
        fixed: Tensor,
        moved: Tensor,
        flow: Tensor,
        mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Loss of ``fixed`` and the warped ``moved`` over all pixels; the mask's kept share."""
        grid: Grid = "correct" if self.settings.warp == "correct" else "official"
        # backward: ``warp(second, flow(first -> second))`` shows the second in the first's geometry
        deformed = warp(moved, flow, grid=grid)
        loss = self.charbonnier(mask * fixed, mask * deformed)
        return loss, mask.mean().detach()

    def charbonnier(self, first: Tensor, second: Tensor) -> Tensor:
        """The Charbonnier loss with the epsilon of the settings."""
        return charbonnier(first, second, self.settings.epsilon)

    def _to_target(self, seen: Tensor, batch: Batch) -> Tensor:
        """Flow to the target from a picture in the geometry of the blurry one."""
        if self.settings.flow == "true":
            return _supervision(batch, "flow")
        return self._measure(seen, batch.target)

    def _both_ways(
        self,
        seen: Tensor,
        batch: Batch,
    ) -> tuple[Tensor, Tensor]:
        """Flow to the target and back, on a GPU in one batch."""
        if self.settings.flow == "true":
            to_target = self._to_target(seen, batch)
            return to_target, inverse(to_target)
        target = batch.target
        if seen.device.type == "cpu":
            return self._measure(seen, target), self._measure(target, seen)
        there, back = self._measure(
            torch.cat([seen, target]),
            torch.cat([target, seen]),
        ).chunk(2)
        return there, back

    @torch.no_grad()
    def _measure(self, first: Tensor, second: Tensor) -> Tensor:
        if self.settings.deformation == "none":
            return torch.zeros_like(first[:, :2])
        frames = [frame.float().clamp(0.0, 1.0) for frame in (first, second)]
        # bf16 knows 20 px to 0.1 px
        with torch.autocast(first.device.type, enabled=False):
            if first.device.type == "cuda" and isinstance(self.estimator, PWCNetFlow):
                return self.estimator.unchecked(frames[0], frames[1], half=True)
            return self.estimator(frames[0], frames[1])


def _supervision(batch: Batch, name: Further) -> Tensor:
    """Data that a setting needs besides the pictures; an error if the recipe lacks them."""
    if name not in batch.supervision:
        raise SettingsError(
            f"these settings of jdrl need the recipe's supervision {name!r}"
        )
    return batch.supervision[name]


def _own_objective(settings: JDRLSettings) -> Objective | None:
    if settings.pretraining is None:
        return None
    own = objective(settings.pretraining.objective, **settings.pretraining.settings)
    if own.adversary is not None:
        raise SettingsError(
            f"pretraining by {settings.pretraining.objective!r} has an adversary, which JDRL does "
            "not support; train the network alone first"
        )
    return own


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Use test-time dropout and running statistics inside the block."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def one_picture(blurry: Tensor) -> Tensor:
    """The blurry picture itself, or the mean of dual-pixel views, which is the sensor's picture."""
    if blurry.shape[1] == 3:
        return blurry
    return (blurry[:, :3] + blurry[:, 3:]) / 2


def _parts(
    forward: Tensor,
    kept_share: Tensor,
    flow: Tensor,
) -> dict[str, Tensor]:
    return {
        "deblur_forward": forward.detach(),
        "mask_kept_share": kept_share,
        "flow_px": torch.linalg.vector_norm(flow, dim=1).mean().detach(),
    }


def make(**settings: object) -> JDRLObjective:
    """The objective, by the fields of :class:`JDRLSettings`."""
    return JDRLObjective(
        parse_settings(JDRLSettings, dict(settings), origin="objective_settings")
    )


def recipe_of(**settings: object) -> dict[str, object]:
    """What :func:`make` with the same settings needs: further data, and its pretraining's pairs."""
    options = parse_settings(JDRLSettings, dict(settings), origin="objective jdrl")
    first = options.pretraining
    changes = dict(recipe_changes(first.objective, first.settings)) if first else {}
    needed: dict[Further, bool] = {
        "flow": options.flow == "true",
        "defocus_map": options.kernels == "thin-lens",
        "measured_blur": options.kernels == "thin-lens-measured",
    }
    own = tuple(name for name, is_needed in needed.items() if is_needed)
    supervision = (*changes.pop("supervision", ()), *own)
    return changes | ({"supervision": supervision} if supervision else {})


def flow_name(**settings: object) -> str:
    """Name of the flow estimator that :func:`make` would use with the same settings."""
    return parse_settings(
        JDRLSettings,
        dict(settings),
        origin="objective jdrl",
    ).estimator
