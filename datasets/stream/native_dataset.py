"""The dataset of a stream with test pairs of the size of a camera's picture, kept in the cache."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from defocus.cache import derived_folder
from defocus.datasets.deriving.parts import cached_pairs
from defocus.datasets.pair import Dataset, Pair, with_files
from defocus.datasets.pair_files import member_name, member_names
from defocus.datasets.stream.dataset import how_rendered, identity, training_identity
from defocus.datasets.stream.native import (
    MOST_PAIRS,
    NATIVE_REVISION,
    NativeRenderer,
    full_size,
)
from defocus.datasets.stream.photographs import Photographs, find_photographs
from defocus.datasets.stream.training import TrainingStream
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_array, write_image
from defocus.progress import counted, say, track
from defocus.scene.lens_file import MeasuredLens
from defocus.storage.files import make_folder, sha256_json


def native_dataset(
    folder: Path | None, lens: MeasuredLens | None = None, light_field: float = 0.0
) -> Dataset:
    """Make the dataset: pairs for tests alone, and the training patches of the stream."""
    photographs = replace(find_photographs(folder), lens=lens, light_field=light_field)
    title = f"stream-native:{'' if folder is None else folder.name}"
    document = {"stream": identity(photographs), "native": NATIVE_REVISION}
    content = sha256_json(document)
    place = f"stream-native/{content[:16]}"
    root, pairs, _ = cached_pairs(
        place, title, partial(_write_pairs, title, photographs)
    )
    return Dataset(
        title,
        root,
        pairs,
        content,
        derived_folder(content),
        rendered=True,
        source="stream-native",
        endless=TrainingStream(photographs, training_identity(photographs)),
    )


def _write_pairs(title: str, photographs: Photographs, root: Path) -> tuple[Pair, ...]:
    files = full_size(photographs)
    count = min(len(files), MOST_PAIRS)
    source = counted(count, "held-out photograph")
    say(f"{title}: its test pairs are rendered from {source} at 1:1, once")
    renderer = NativeRenderer(photographs, files)
    numbers = track(range(count), f"rendering {title}")
    return tuple(_write_pair(root, renderer, number) for number in numbers)


def _write_pair(root: Path, renderer: NativeRenderer, number: int) -> Pair:
    """Write a pair with the 8 or 16 bits of its camera; the sharp picture is the truth, too."""
    rendered = renderer.pair(number)
    name = f"native-{number:02d}"
    folder = make_folder(root / "pairs" / name)
    bits = 8 if rendered.camera.quality else 16
    for role, picture in (("blurry", rendered.blurry), ("sharp", rendered.sharp)):
        write_image(folder / member_name(role), as_integer(picture, bits))
    write_array(folder / member_name("defocus_map"), rendered.diameters)
    optic = renderer.bank.optic(rendered.optic)
    behind = renderer.photographs(number)[0]
    metadata = {**how_rendered(optic, rendered), "photograph": behind.pixels_hash}
    roles = member_names(("blurry", "sharp", "defocus_map"))
    bare = Pair(name, name, "test", folder, metadata=metadata)
    return with_files(bare, folder, {**roles, "truth": member_name("sharp")})
