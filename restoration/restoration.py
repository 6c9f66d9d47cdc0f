"""A picture restored once, from which any strength and mask is made at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import cv2
import numpy as np
from numpy.typing import NDArray

from defocus.blur.enlargement import enlarged_by, source_picture
from defocus.blur.learned_map import BlurMap, estimate_blur_map
from defocus.errors import ImageError
from defocus.pictures.values import as_float, as_integer
from defocus.processes.freed_memory import LARGE_PIXELS, return_freed_memory
from defocus.restoration.guard.guard import guarded, guarded_beyond
from defocus.restoration.restorer import (
    Follow,
    Needed,
    Restorer,
    every_tile,
    overlap_px,
    tiles_of,
    unfollowed,
)
from defocus.restoration.scales import (
    ScalePlan,
    follow_scale,
    handed_on,
    plan_scales,
    reduced_map,
    reduced_picture,
)
from defocus.strips import WHOLE, Colours, Part, strips, three_colours

NOTICED = 2.001 / 255
"""Largest change of a value in [0, 1] with which a pixel counts as unchanged: 2 of 255, rounded."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class CodedColours:
    """A picture ``(H, W, 3)`` in [0, 1] as codes of 16 bits, half as large as its floats."""

    codes: NDArray[np.uint16]

    @property
    def shape(self) -> tuple[int, ...]:
        """``(H, W, 3)``."""
        return self.codes.shape

    def __getitem__(self, part: Part) -> Array:
        """Some rows, or rows and columns."""
        return np.asarray(as_float(self.codes[part]), np.float32)


def coded(picture: Array) -> CodedColours:
    """The picture in codes of 16 bits; the largest error of a value is 8e-6."""
    codes = np.empty(picture.shape, np.uint16)
    for rows in strips(len(picture)):
        codes[rows] = as_integer(picture[rows], 16)
    return CodedColours(codes)


@dataclass(frozen=True)
class RestoredScale:
    """Result of a network for the picture at one size, behind the guard."""

    factor: int  # the picture was reduced by it
    restored: Colours  # ``(h, w, 3)`` in [0, 1]
    tile_px: int  # side of the tiles that the network saw; 0 for the whole picture
    tiles: int  # as many of them as it saw; 1 for the whole picture
    checked: int  # tiles of 64 x 64 px that the guard looked at; 0 without it
    put_back: int  # those of them that are as they were given


@dataclass(frozen=True)
class Restoration:
    """Result of restoring; nothing is computed again for another strength or mask."""

    # A page sends ``blurry``, ``restored`` and :meth:`strongest` and lets the browser mix them: up
    # to strength 1 from ``blurry`` to ``restored``, and from there on to ``strongest`` at 2.

    blurry: Colours  # ``(H, W, 3)`` in [0, 1], as given
    # those that some part needs, the largest picture first
    scales: tuple[RestoredScale, ...]
    plan: ScalePlan  # how much of each scale each part takes
    blur_map: BlurMap

    @property
    def tiled(self) -> RestoredScale | None:
        """The largest picture that the network saw in tiles; None if it saw whole pictures."""
        return next((scale for scale in self.scales if scale.tile_px), None)

    @property
    def tiles(self) -> int:
        """Tiles that the network saw, in all scales; 1 where it saw whole pictures."""
        return max(1, sum(scale.tiles for scale in self.scales if scale.tile_px))

    @property
    def checked(self) -> int:
        """Tiles of 64 x 64 px that the guard looked at, in all scales; 0 without it."""
        return sum(scale.checked for scale in self.scales)

    @property
    def put_back(self) -> int:
        """Checked tiles that the guard put back as they were given, in all scales."""
        return sum(scale.put_back for scale in self.scales)

    @cached_property
    def restored(self) -> Array:
        """``(H, W, 3)``: the picture at strength 1, behind the guard."""
        return self._whole(self._restored)

    def strongest(self) -> Array:
        """``(H, W, 3)``: at strength 2, which doubles the change where the guard allows it."""
        return self._whole(self._strongest)

    def at(
        self,
        strength: float = 1.0,
        mask: Array | None = None,
        *,
        leave_sharp: bool = False,
    ) -> Array:
        """The picture at a strength: 0 as it was, 1 restored, up to 2 beyond; ``(H, W, 3)``."""
        # The mask ``(H, W)`` is 1 where it is restored; where it is 0, just what was given stays
        # (``leave_sharp``: also what is in focus by the blur map).
        mixture = self.mixed(strength, mask, leave_sharp=leave_sharp)
        picture = np.empty(self.blurry.shape, np.float32)
        for rows in strips(len(picture)):
            picture[rows] = mixture[rows]
        return picture

    def mixed(
        self,
        strength: float = 1.0,
        mask: Array | None = None,
        *,
        leave_sharp: bool = False,
    ) -> "Mixture":
        """The restored picture mixed with the given one, each strip when it is asked for."""
        return Mixture(self, strength, mask, leave_sharp)

    def change(
        self,
        blurry: Array,
        strength: float,
        rows: slice,
    ) -> Array:
        """Change of some rows ``blurry`` at a strength."""
        restored = self._rows(self._restored, blurry, rows)
        if strength <= 1:
            change = restored - blurry
            change *= np.float32(strength)
            return change
        change = self._rows(self._strongest, blurry, rows) - restored
        change *= np.float32(strength - 1)
        change += restored
        change -= blurry
        return change

    def _whole(self, pictures: Mapping[int, Colours]) -> Array:
        """The scales mixed; without a copy where there is one."""
        if tuple(pictures) == (1,):
            return pictures[1][:]
        whole = np.empty(self.blurry.shape, np.float32)
        for rows in strips(len(whole)):
            whole[rows] = self._rows(pictures, self.blurry[rows], rows)
        return whole

    def _rows(
        self,
        pictures: Mapping[int, Colours],
        blurry: Array,
        rows: slice,
    ) -> Array:
        """Some rows of the picture, and of each scale's change with its weight.

        Where sizes are mixed, what is in focus stays as it was: it is in focus on purpose."""
        if tuple(pictures) == (1,):
            return pictures[1][rows]
        mixed = self.plan.mixed_rows(blurry, pictures, rows.start)
        if len(pictures) > 1:
            bottom = rows.start + len(blurry)
            sharp = self.blur_map.sharp_rows(rows.start, bottom, self.plan.in_focus_px)
            mixed -= blurry
            mixed *= three_colours(1 - sharp)
            mixed += blurry
        return np.clip(mixed, 0, 1, out=mixed)

    @cached_property
    def _restored(self) -> dict[int, Colours]:
        """The whole picture at strength 1, and the change of each smaller scale."""
        return {
            scale.factor: self._for_mixing(scale, scale.restored)
            for scale in self.scales
        }

    @cached_property
    def _strongest(self) -> dict[int, Colours]:
        """The picture at strength 2; the guard looks at it once more."""
        return {
            scale.factor: self._for_mixing(scale, self._beyond(scale))
            for scale in self.scales
        }

    def _for_mixing(self, scale: RestoredScale, restored: Colours) -> Colours:
        if scale.factor == 1:
            return restored
        reduced = scale.factor // self.plan.enlarged
        return ScaleChange(self._source, reduced, restored)

    @cached_property
    def _source(self) -> Colours:
        """The picture before it was enlarged; as given where it was not."""
        return _source_of(self.blurry, self.plan.enlarged)

    def given_at(self, factor: int) -> Colours:
        """The picture ``(h, w, 3)`` that is restored at a scale."""
        return reduced_picture(self._source, factor // self.plan.enlarged)

    def _beyond(self, scale: RestoredScale) -> Array:
        """A scale at strength 2."""
        given = self.given_at(scale.factor)
        if not scale.checked:  # values can be beyond [0, 1]
            return 2 * scale.restored[:] - given[:]
        held = guarded_beyond(
            given,
            scale.restored,
            reduced_map(self.blur_map, scale.factor),
        )
        return np.clip(held, 0, 1, out=held)


@dataclass(frozen=True)
class ScaleChange:
    """What restoring changed in a reduced picture, its rows made when asked for.

    Of 60 megapixels the changes of all sizes would be 240 MB beside what was restored."""

    blurry: Colours  # at the whole size, or before it was enlarged
    factor: int  # it was reduced by this
    restored: Colours  # ``(h, w, 3)`` of the reduced picture

    @property
    def shape(self) -> tuple[int, ...]:
        """``(h, w, 3)``, the shape of the reduced picture."""
        return self.restored.shape

    def __getitem__(self, part: Part) -> Array:
        """``(n, w, 3)``."""
        rows, columns = part if isinstance(part, tuple) else (part, WHOLE)
        begin, end, _ = rows.indices(self.restored.shape[0])
        above = self.blurry[self.factor * begin : self.factor * end]
        change = self.restored[begin:end] - reduced_picture(above, self.factor)[:]
        return change[:, columns]


@dataclass(frozen=True)
class Mixture:
    """A restored picture at a strength and behind a mask, its rows made when asked for."""

    restoration: Restoration
    strength: float
    mask: Array | None
    leave_sharp: bool

    def __getitem__(self, rows: slice) -> Array:
        """``(h, W, 3)`` in [0, 1]."""
        restoration = self.restoration
        blurry = restoration.blurry[rows]
        strip = restoration.change(blurry, self.strength, rows)
        if self.mask is not None:
            strip *= self.mask[rows, :, None]
        if self.leave_sharp:
            sharp = restoration.blur_map.sharp_rows(rows.start, rows.stop)
            strip *= (1 - sharp)[:, :, None]
        strip += blurry
        return np.clip(strip, 0, 1, out=strip)


def restore_colours(
    restorer: Restorer,
    blurry: Colours,
    blur_map: BlurMap | None = None,
    *,
    guard: bool = True,
    follow: Follow = unfollowed,
) -> Restoration:
    """Restore a picture ``(H, W, 3)`` in [0, 1]; the guard puts back tiles that do not agree."""
    # ``restorer`` is built once; ``follow`` hears of each tile. With the guard, a picture that was
    # enlarged is restored at its size before that.
    blur_map = blur_map or estimate_blur_map(blurry)
    enlarged = enlarged_by(blurry) if guard else 1
    plan = plan_scales(blur_map, restorer.reach_px, enlarged)
    source = _source_of(blurry, plan.enlarged)
    height, width = blurry.shape[:2]
    return_freed_memory(height * width)
    scales = []
    for factor in plan.ladder:
        if factor not in plan.weights:
            continue
        scale, plan = _restored_scale(
            restorer,
            source,
            blur_map,
            plan,
            factor,
            guard=guard,
            follow=follow,
        )
        if height * width >= LARGE_PIXELS and factor < plan.factors[-1]:
            # a smaller size is restored next, which needs memory of its own
            scale = replace(scale, restored=coded(scale.restored[:]))
        scales.append(scale)
        return_freed_memory(height * width)
    return Restoration(blurry, tuple(scales), plan, blur_map)


def _source_of(blurry: Colours, enlarged: int) -> Colours:
    """The picture before it was enlarged by a factor, in codes; as given where that is 1."""
    if enlarged == 1:
        return blurry
    return coded(source_picture(blurry, enlarged))


def _restored_scale(
    restorer: Restorer,
    source: Colours,
    blur_map: BlurMap,
    plan: ScalePlan,
    factor: int,
    *,
    guard: bool,
    follow: Follow,
) -> tuple[RestoredScale, ScalePlan]:
    """A picture restored at one size, and the plan after what the network left as it was."""
    given = reduced_picture(source, factor // plan.enlarged)
    heard = follow_scale(follow, plan.factors, factor)
    needed = partial(plan.needs, factor)
    restored, side = restorer.restored(given, heard, needed)
    plan = handed_on(plan, factor, given, restored, blur_map)
    return_freed_memory(restored.shape[0] * restored.shape[1])
    small_map = reduced_map(blur_map, factor) if guard else None
    checked, put_back = _guarded(given, restored, small_map)
    tiles = _count_tiles(given, side, needed) if side else 1
    return RestoredScale(factor, restored, side, tiles, checked, put_back), plan


def _count_tiles(
    picture: Colours,
    tile_px: int,
    needed: Needed = every_tile,
) -> int:
    """Tiles of a picture that a network sees."""
    height, width = picture.shape[:2]
    tiles = tiles_of(height, width, tile_px, overlap_px(tile_px))
    return sum(map(needed, tiles))


def _guarded(
    given: Colours,
    restored: Array,
    blur_map: BlurMap | None,
) -> tuple[int, int]:
    """Put ``restored`` behind the guard in place; parts that were checked, and put back."""
    if not all(np.isfinite(restored[rows]).all() for rows in strips(len(restored))):
        raise ImageError("the network returns values that are not finite")
    checked = put_back = 0
    if blur_map is not None:
        kept = guarded(given, restored, blur_map)
        checked = kept.tiles
        put_back = kept.put_back
    np.clip(restored, 0, 1, out=restored)
    return checked, put_back


def changed_share(blurry: Colours, restored: Colours) -> float:
    """Share of the pixels with a value that changed by more than 2 of 255."""
    height, width = blurry.shape[:2]
    changed = 0
    for rows in strips(height):
        change = np.abs(restored[rows] - blurry[rows])
        red, green, blue = cv2.split(change)
        largest = np.maximum(np.maximum(red, green), blue)
        changed += int(np.count_nonzero(largest > NOTICED))
    return float(changed / (height * width))
