"""A picture restored once, from which any strength and mask is made at once."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from defocus.blur.learned_map import BlurMap, estimate_blur_map
from defocus.errors import ImageError
from defocus.restoration.guard.guard import guarded, guarded_beyond
from defocus.restoration.restorer import Follow, Restorer, unfollowed

NOTICED = 2.001 / 255
"""A change of a value in [0, 1] up to which a pixel counts as unchanged: 2 of 255, as rounded."""
_STRIP_PX = 256

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Restoration:
    """What restoring gave; nothing is computed again for another strength or mask."""

    # A page sends ``blurry``, ``restored`` and :meth:`strongest` and lets the browser mix them: up
    # to strength 1 from ``blurry`` to ``restored``, and from there on to ``strongest`` at 2.

    blurry: Array  # ``(H, W, 3)`` float32 in [0, 1], as given
    restored: Array  # the same at strength 1, behind the guard
    blur_map: BlurMap
    tile_px: int  # side of the tiles that the network saw; 0 for the whole picture
    checked: int  # tiles of 64 x 64 px that the guard looked at; 0 without it
    put_back: int  # those of them that are as they were given

    def at(
        self, strength: float = 1.0, mask: Array | None = None, *, leave_sharp: bool = False
    ) -> Array:
        """The picture at a strength: 0 as it was, 1 restored, up to 2 beyond; ``(H, W, 3)``."""
        # The mask ``(H, W)`` is 1 where it is restored; where it is 0, just what was given stays
        # (``leave_sharp``: also what is in focus by the blur map).
        if strength > 1:
            picture = self.strongest()
            picture -= self.restored
            picture *= np.float32(strength - 1)
            picture += self.restored
            picture -= self.blurry
        else:
            picture = self.restored - self.blurry
            picture *= np.float32(strength)
        if mask is not None:
            picture *= mask[:, :, None]
        if leave_sharp:
            picture *= (1 - self.blur_map.sharp())[:, :, None]
        picture += self.blurry
        return np.clip(picture, 0, 1, out=picture)

    def strongest(self) -> Array:
        """``(H, W, 3)``: at strength 2, which doubles the change where the guard allows it."""
        # The guard looks at the picture once more. Without it values can be beyond [0, 1].
        if not self.checked:
            return 2 * self.restored - self.blurry
        held = guarded_beyond(self.blurry, self.restored, self.blur_map)
        return np.clip(held, 0, 1, out=held)


def restore_colours(
    restorer: Restorer,
    blurry: Array,
    blur_map: BlurMap | None = None,
    *,
    guard: bool = True,
    follow: Follow = unfollowed,
) -> Restoration:
    """Restore a picture ``(H, W, 3)`` in [0, 1]; the guard puts back tiles that do not agree."""
    # ``restorer`` is built once; ``follow`` hears of each tile.
    blur_map = blur_map or estimate_blur_map(blurry)
    tensor = torch.from_numpy(blurry).permute(2, 0, 1)[None]
    output, side = restorer.restored(tensor, follow)
    if output.shape != tensor.shape:
        raise ImageError(
            f"the network gives {tuple(output.shape)} for {tuple(tensor.shape)}; it must keep the "
            "shape"
        )
    del tensor
    restored = np.ascontiguousarray(output[0].permute(1, 2, 0).numpy())
    del output
    if not np.isfinite(restored).all():
        raise ImageError("the network returns values that are not finite")
    checked = put_back = 0
    if guard:
        kept = guarded(blurry, restored, blur_map)
        restored, checked, put_back = kept.restored, kept.tiles, kept.put_back
    np.clip(restored, 0, 1, out=restored)
    return Restoration(blurry, restored, blur_map, side, checked, put_back)


def changed_share(blurry: Array, restored: Array) -> float:
    """Share of the pixels of which a value changed by more than 2 of 255."""
    changed = 0
    for top in range(0, len(blurry), _STRIP_PX):  # strips keep the memory small
        strip = slice(top, top + _STRIP_PX)
        change = np.abs(restored[strip] - blurry[strip]).max(axis=2)
        changed += int(np.count_nonzero(change > NOTICED))
    return float(changed / (blurry.shape[0] * blurry.shape[1]))
