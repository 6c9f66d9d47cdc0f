"""Reblurring-guided JDRL: the kernels that R learns supervise the blur estimator.

Source: IJCV 2025, arXiv 2409.17792; ssscrystal/Reblurring-guided-JDRL at ef90c714."""

from typing import Protocol, cast

from pydantic import Field
from torch import Tensor, nn

from defocus.align.flow.estimator import FlowEstimator
from defocus.baselines.objective import Batch, Progress, Result
from defocus.baselines.objectives.jdrl import JDRLObjective, one_picture
from defocus.baselines.objectives.jdrl.reblur import ReblurNet
from defocus.baselines.objectives.jdrl.settings import JDRLSettings, WarmUp
from defocus.errors import SettingsError
from defocus.settings import parse_settings

FIRST_SHARE = 0.001


class RJDRLSettings(JDRLSettings):
    """JDRL's settings, and the weight ``beta`` of the pseudo supervision."""

    warmup: WarmUp = "forward"
    beta: float = Field(default=0.5, ge=0)


class _Guided(Protocol):
    def outputs(
        self,
        blurry: Tensor,
        core_share: float,
    ) -> dict[str, Tensor]: ...


class RJDRLObjective(JDRLObjective):
    """L = L_forward + L_reverse + alpha L_reblur + beta L_core."""

    # L_core compares the estimator's radial samples with R's; gradient reaches both, as released.
    # In the warm-up the estimate has a factor that rises from 0.001 to 1.

    def __init__(
        self,
        settings: RJDRLSettings | None = None,
        estimator: FlowEstimator | None = None,
    ) -> None:
        settings = settings or RJDRLSettings()
        if settings.kernels != "isotropic" or settings.joint_from > 0:
            raise SettingsError(
                "reblurring-guided training needs isotropic kernels and has no phases before the "
                "joint one; leave kernels, pretraining and reblur_epochs out"
            )
        super().__init__(settings, estimator)
        self.beta = settings.beta

    def forward(self, network: nn.Module, batch: Batch, progress: Progress) -> Result:
        """The loss and its parts: JDRL's, and ``core``, the unweighted pseudo supervision."""
        outputs = _guided(network).outputs(
            batch.blurry,
            core_share=_core_share(progress),
        )
        restored = outputs["restored"]
        blurry = one_picture(batch.blurry)
        loss, parts = self.deformed(restored, batch, progress)
        if progress.in_warmup and self.settings.warmup == "forward":
            return loss, parts
        assert isinstance(self.reblurring, ReblurNet)  # noqa: S101 - the constructor sees to it
        blurred = self.reblurring.reblur(restored, blurry)
        reblur = self.charbonnier(blurred.picture, blurry)
        core = self.charbonnier(outputs["core"], blurred.seeds)
        parts = {
            **parts,
            "reblur": reblur.detach(),
            "core": core.detach(),
        }
        return loss + self.settings.alpha * reblur + self.beta * core, parts


def _core_share(progress: Progress) -> float:
    """How much of its estimate the network is shown: all after the warm-up."""
    if not progress.in_warmup:
        return 1.0
    share = min(1.0, (int(progress.epoch) + 1) / progress.warmup_epochs)
    return FIRST_SHARE + share * (1.0 - FIRST_SHARE)


def _guided(network: nn.Module) -> _Guided:
    if not hasattr(network, "outputs"):
        raise SettingsError(
            f"the objective 'rjdrl' needs a network with a blur estimator; "
            f"{type(network).__name__} has none, choose 'jdrl' for it"
        )
    return cast(_Guided, network)


def make(**settings: object) -> RJDRLObjective:
    """The objective, by the fields of :class:`RJDRLSettings`."""
    return RJDRLObjective(
        parse_settings(RJDRLSettings, dict(settings), origin="objective_settings")
    )
