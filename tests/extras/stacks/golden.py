"""The numbers of fused stacks, for ``tests/golden``."""

from pathlib import Path

from defocus.datasets.api import open_dataset
from defocus.datasets.pair import Dataset
from defocus.extras.stacks.run import FUSING_REVISION, fuse_stacks
from defocus.pictures.read import read_image
from defocus.pictures.write import write_image
from tests.golden.numbers import Numbers, of_folder

REVISIONS = {"fuse": [FUSING_REVISION]}


def _fuse(dataset: Dataset, out: Path) -> Numbers:
    stack = out.with_name("stack")
    stack.mkdir()
    pair = dataset.pairs[0]
    for number, path in enumerate((pair.blurry, pair.sharp, pair.truth)):
        assert path is not None
        write_image(stack / f"f{number}.png", read_image(path))
    fuse_stacks(open_dataset(f"stack:{stack}"), out)
    yield from of_folder(out / "stacks")


MAKERS = {"fuse": _fuse}
