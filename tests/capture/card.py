"""Pictures as a camera leaves them on a card: JPEGs with EXIF, wide ones blurry."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter
from PIL.TiffImagePlugin import IFDRational

SCENE = (
    PillowImage.effect_noise((240, 160), 90)
    .convert("RGB")
    .filter(ImageFilter.GaussianBlur(1))
)
EPOCH = 1_700_000_000


def scene_picture(number: int) -> PillowImage.Image:
    """Other pictures for other numbers; 0 is what every picture of a card shows by default."""
    if number == 0:
        return SCENE
    random = np.random.default_rng(number)
    large, fine = (random.normal(128, 60, size) for size in ((8, 12), (160, 240)))
    picture = PillowImage.fromarray(large.clip(0, 255).astype(np.uint8)).resize(
        (240, 160)
    )
    values = np.asarray(picture, np.float32) + 0.5 * (fine - 128)
    grey = PillowImage.fromarray(values.clip(0, 255).astype(np.uint8))
    return grey.convert("RGB").filter(ImageFilter.GaussianBlur(1))


def card_jpeg(
    f_number: float | None,
    second: int,
    *,
    seed: int = 0,
    seconds: float | None = 0.008,
    scene: int = 0,
    wide: bool | None = None,
    body: str = "Body 1",
    serial: str = "",
    lens: str = "",
    mirrored: bool = False,
) -> bytes:
    """A JPEG; a wide aperture blurs it, whether EXIF tells it or only ``wide`` does."""
    has_exif = f_number is not None or wide is not None
    wide = wide or (f_number is not None and f_number < 10)
    picture = scene_picture(scene).point(lambda value: value // 2 + 40)
    if wide:
        picture = picture.filter(ImageFilter.GaussianBlur(2))
    if mirrored:
        picture = picture.transpose(PillowImage.Transpose.FLIP_LEFT_RIGHT)
    picture.putpixel((0, 0), (seed % 256, seed // 256, 0))  # no two files are the same
    exif = PillowImage.Exif()
    hours, rest = divmod(second, 3600)
    values: dict[int, object] = {
        36867: f"2026:01:01 {hours:02d}:{rest // 60:02d}:{rest % 60:02d}",
        34855: 100,
    }
    if f_number is not None:
        values[33437] = IFDRational(f_number)
    if has_exif and seconds is not None:
        values[33434] = IFDRational(seconds if wide else 32 * seconds)
    values |= {tag: text for tag, text in ((42033, serial), (42036, lens)) if text}
    exif[0x8769] = values
    exif[0x010F], exif[0x0110] = "Maker", body
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
