"""Pictures as a camera leaves them on a card: JPEGs with EXIF, wide ones blurry."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageFilter
from PIL.TiffImagePlugin import IFDRational

SCENE = PillowImage.effect_noise((240, 160), 90).convert("RGB").filter(ImageFilter.GaussianBlur(1))
EPOCH = 1_700_000_000


def card_jpeg(
    f_number: float | None, second: int, *, seed: int = 0, seconds: float = 0.008
) -> bytes:
    """A JPEG; a wide aperture blurs it."""
    picture = SCENE.point(lambda value: value // 2 + 40)
    if f_number is not None and f_number < 10:
        picture = picture.filter(ImageFilter.GaussianBlur(2))
    picture.putpixel((0, 0), (seed % 256, seed // 256, 0))  # no two files are the same
    exif = PillowImage.Exif()
    hours, rest = divmod(second, 3600)
    values = {36867: f"2026:01:01 {hours:02d}:{rest // 60:02d}:{rest % 60:02d}", 34855: 100}
    if f_number is not None:
        exposure = seconds * (32 if f_number > 10 else 1)
        values |= {33437: IFDRational(f_number), 33434: IFDRational(exposure)}
    exif[0x8769] = values
    exif[0x010F], exif[0x0110] = "Maker", "Body 1"
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def fill_card(
    folder: Path, shots: Sequence[tuple[float | None, int]], first: int = 1
) -> list[Path]:
    """Write shots, each an f-number and a second, named like a camera does."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (f_number, second) in enumerate(shots, start=first):
        path = folder / f"IMG_{number:04d}.JPG"
        path.write_bytes(card_jpeg(f_number, second, seed=number))
        os.utime(path, (EPOCH + second, EPOCH + second))
        paths.append(path)
    return paths
