"""Training patches of a stream, rendered on demand and reproducible."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.baselines.recipe import Further
from defocus.datasets.patching.batch import EVERY, drawn_batch, random_look, with_look
from defocus.datasets.patching.packing import ColourChange
from defocus.datasets.stream.causes import Causes, draw_causes
from defocus.datasets.stream.photographs import (
    Photographs,
    read_for_training,
    read_photographs,
)
from defocus.processes.isolation import LeftOut
from defocus.scene.camera import StreamCamera, draw_camera, recorded
from defocus.scene.depth import DepthKind, draw_focus, draw_kind
from defocus.scene.kernel_bank import (
    OPTICS,
    KernelBank,
    all_in_focus,
    blurred,
    margin,
    sharp_diameters,
    snapped,
)
from defocus.scene.light_field import synthetic_aperture
from defocus.scene.occluders import Sources, StreamScene, draw_scene
from defocus.scene.pictures import Branch

if TYPE_CHECKING:
    import torch

    from defocus.baselines.objective import Batch
    from defocus.baselines.recipe import Augmentation

Array = NDArray[np.float32]

STREAM_REVISION = 4
"""Revision of the stream, raised by hand whenever a training patch of the same number looks
different."""

HELD_OUT_REVISION = 3
"""Revision of held-out pairs, raised by hand whenever a pair of the same number looks different."""

EPOCH_PIXELS = 2**25
"""Pixels of an epoch of a stream, which has no end: 2,048 patches of 128 px."""

CUT_PX = 12
"""Width, px, of the border that the simulated camera sees around a patch: filters spoil it, and the
blocks of a JPEG can then lie anywhere."""

MOST_OCCLUDERS = 3


@dataclass(frozen=True)
class StreamPair:
    """A rendered pair."""

    # these two: ``(side, side, 3)`` float32, stored values in [0, 1]
    blurry: Array
    sharp: Array  # of a picture that stays as it is, the blurry one itself
    # ``(side, side)`` float32, signed circle-of-confusion diameter, px; with softness that of the
    # disc that blurs as much
    diameters: Array
    kind: DepthKind  # kind of the depth
    camera: StreamCamera
    optic: int  # number of the lens


@dataclass(frozen=True)
class DrawnPatch:
    """A pair for a patch."""

    renderer: "Renderer"  # renders it
    number: int
    side: int  # side of its pictures, px
    look: ColourChange  # changes of its colours after the camera

    @cached_property
    def pair(self) -> StreamPair:
        """The pair, rendered when it is first asked for."""
        return self.renderer.pair(self.number, self.side)


class Renderer:
    """Renders pairs of one branch by number; another number of lenses makes other pairs."""

    def __init__(
        self, photographs: Photographs, branch: Branch, lenses: int | None = None
    ) -> None:
        self.photographs = photographs
        self.branch = branch
        self.lenses = lenses

    @cached_property
    def sources(self) -> Sources:
        """Decoded photographs."""
        read = read_for_training if self.branch == "train" else read_photographs
        return Sources(read(self.photographs.of(self.branch)), self.branch)

    @cached_property
    def bank(self) -> KernelBank:
        """The lenses."""
        return KernelBank(self.branch, lens=self.photographs.lens)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("photographs", "branch", "lenses")
        return {name: getattr(self, name) for name in kept}

    def pair(self, number: int, side: int) -> StreamPair:
        """Render the pair with a number."""
        random = np.random.default_rng([number, int(self.branch == "held-out")])
        kind = draw_kind(random)
        levels, focused = draw_levels(random, kind)
        causes = self._causes(number)
        focus = causes.focus(draw_focus(random, kind, focused))
        index = int(random.integers(self.lenses or OPTICS))
        border = margin(self.bank, index, focus)
        around = border + causes.reach_px
        size = side + CUT_PX + 2 * around
        scene = draw_scene(random, self.sources, kind, focus, levels, (size, size))
        scene = snapped(self.bank.optic(index), scene)
        camera = causes.camera(self.camera(random))
        cut = _Cut.drawn(random, side)
        light = causes.softened(self._out_of_focus(number, index, scene, border))
        blurry = recorded(camera, cut.turned(light), random, causes.reduction)
        target = blurry
        if causes.noise is None:
            sharp = cut.turned(all_in_focus(scene, around))
            target = recorded(camera, sharp, None, causes.reduction)
        diameters = cut.turned(causes.diameters(sharp_diameters(scene, around)))
        return StreamPair(
            blurry=blurry[cut.inside],
            sharp=target[cut.inside],
            diameters=np.ascontiguousarray(diameters[cut.inside]),
            kind=kind,
            camera=camera,
            optic=index,
        )

    def _causes(self, number: int) -> Causes:
        """Causes of a training pair besides defocus; a measured lens has no other softness."""
        if self.branch == "held-out" or self.photographs.lens is not None:
            return Causes()
        return draw_causes(number)

    def _out_of_focus(
        self, number: int, index: int, scene: StreamScene, border: int
    ) -> Array:
        """A scene blurred by the lens of a pair, or by its light field."""
        if self._has_views(number):
            return synthetic_aperture(scene, border)
        return blurred(self.bank, index, scene, border)

    def _has_views(self, number: int) -> bool:
        """Whether a light field blurs the pair; its scene and camera are the same either way."""
        share = self.photographs.light_field if self.branch == "train" else 0.0
        return share > 0 and float(np.random.default_rng([number, 2]).random()) < share

    def camera(self, random: np.random.Generator) -> StreamCamera:
        """A random camera, or the one that photographed the chart of the one lens."""
        drawn = draw_camera(random)
        lens = self.photographs.lens
        if lens is None or lens.recording is None:
            return drawn
        return lens.recording.camera(drawn)


@dataclass(frozen=True)
class _Cut:
    """How a patch is cut: turned after the blur, so that each lens has eight orientations."""

    inside: tuple[slice, slice]  # the patch within what the camera records
    turns: int
    mirrored: bool

    @classmethod
    def drawn(cls, random: np.random.Generator, side: int) -> "_Cut":
        """A random cut of a patch with a side, px."""
        top, left = map(int, random.integers(2, CUT_PX - 1, 2))
        inside = np.s_[top : top + side, left : left + side]
        return cls(inside, int(random.integers(4)), bool(random.integers(2)))

    def turned(self, picture: Array) -> Array:
        """A picture turned and mirrored."""
        turned = np.rot90(picture, self.turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)


def draw_levels(
    random: np.random.Generator, kind: DepthKind
) -> tuple[list[float], float | None]:
    """Draw the ascending nearness of background and occluders, and the one in focus."""
    count = 0
    if kind == "occluders":
        count = int(random.integers(1, MOST_OCCLUDERS + 1))
    elif kind == "sharp":
        count = int(random.integers(0, 3))
    if not count:
        return [1.0], None
    reach = float(random.uniform(0.0, 0.4))
    levels = [reach, *sorted(random.uniform(reach + 0.1, 1.0, count - 1).tolist()), 1.0]
    choices = [random.uniform(0.0, reach), *levels[1:]]
    return levels, float(choices[int(random.integers(len(choices)))])


class StreamPatches:
    """Batches of a stream; patch ``k`` of a seed is the same in every process and order."""

    # Scenes are mirrored, turned and reduced as they are drawn, so only the colour changes of
    # ``augment`` are applied.

    blurry = "blurry"
    pixels = EPOCH_PIXELS
    left_out: tuple[
        LeftOut, ...
    ] = ()  # photographs are named when the stream is opened

    def __init__(
        self,
        renderer: Renderer,
        crop_px: int,
        augment: "Collection[Augmentation]" = (),
        bit_depth: Literal[8, 16] = 16,
        *,
        needs: Collection[Further] = (),
        supervision: Collection[Further] = (),
    ) -> None:
        self.renderer = renderer
        self.crop_px = crop_px
        self.augment = augment
        self.bit_depth = bit_depth
        self.needs = tuple(needs)
        self.supervision = tuple(supervision)

    def batch(
        self,
        step: int,
        size: int,
        seed: int,
        crop_px: int | None = None,
        *,
        places: slice = EVERY,
    ) -> "Batch":
        """One batch, the patches from number ``step * size`` on; defocus maps have 1 channel."""
        side = crop_px or self.crop_px
        numbers = range(step * size, (step + 1) * size)[places]
        generators = (np.random.default_rng([seed, number]) for number in numbers)
        return drawn_batch([self.draw(random, side) for random in generators], side)

    def draw(
        self, random: np.random.Generator, side: int
    ) -> "tuple[StreamPatches, DrawnPatch]":
        """Draw a random patch; return its source and the patch, which is rendered later."""
        number = int(random.integers(2**63))
        return self, DrawnPatch(
            self.renderer, number, side, random_look(self.augment, random)
        )

    def patch(self, what: str, drawn: DrawnPatch, side: int) -> "torch.Tensor":
        """One patch as a tensor."""
        import torch

        del side
        if what == "defocus_map":
            return torch.from_numpy(np.abs(drawn.pair.diameters))[None]
        stored = drawn.pair.blurry if what == "blurry" else drawn.pair.sharp
        if self.bit_depth == 8:
            stored = np.rint(stored * np.float32(255)) / np.float32(255)
        picture = torch.from_numpy(np.ascontiguousarray(stored.transpose(2, 0, 1)))
        return with_look(picture, drawn.look, noisy=what != "target")
