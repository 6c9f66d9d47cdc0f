"""Every verb that opens a picture says of it what its file is said to be, by the command itself."""

import pytest

from defocus.pictures.read import read_own_picture
from defocus.pictures.remarks import TRANSPARENT, said_of_pixels
from tests.pictures.corpus import opencv
from tests.pictures.test_one_reading import CORPUS, words_about_values
from tests.pictures.test_remarks import bayer, large

pytestmark = pytest.mark.full

SHOWN = (
    "12-in-16.png",
    "14-in-16.png",
    "large-mosaic.png",
    "rgba8.png",
    "alpha.webp",
    "inks.jpg",
    "inks.tif",
    "unstated-value.tif",
    "pages.tif",
    "sequence.heic",
    "called-png.png",
    "rgb16.jxl",
    "warped.dng",
)
"""Odd files that something is said of, one or two for each kind of remark."""
FILES = {**CORPUS, "large-mosaic.png": opencv(bayer(large(0)), ".png")}
"""The corpus, and a mosaic that is large enough to be known."""

VERBS = {
    "list": "defocus-data list {dataset}",
    "audit": "defocus-data audit {dataset} --out audit",
    "compensate": "defocus-data compensate {dataset} --out aligned",
    "patches": "defocus-data patches {dataset} --out patches",
    "run": "defocus-bench run --only input --dataset {dataset} --out study",
    "restore": "defocus-restore {picture} --out restored",
    "restore a dataset": "defocus-restore --dataset {dataset} --out restored-set",
    "score": "defocus-bench score --restored {folder} --sharp {folder}",
    "align": "defocus-data align {picture} {picture}",
}


@pytest.mark.parametrize("name", SHOWN)
def test_every_verb_says_it(name, tmp_path, run):
    sharp = tmp_path / "set" / "test" / "sharp"
    blurry = tmp_path / "set" / "test" / "blurry"
    for folder in (sharp, blurry):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(FILES[name])
    own = read_own_picture(blurry / name)
    remarks = [one.text for one in own.metadata.remarks]
    expected = words_about_values("\n".join(remarks))
    dropped = {TRANSPARENT} & set(said_of_pixels(own.stored))
    assert expected | dropped
    places = {
        "dataset": f"pairs:{tmp_path / 'set'}",
        "picture": str(blurry / name),
        "folder": str(blurry),
    }
    for verb, line in VERBS.items():
        program, *words = line.format(**places).split()
        result = run(program, *words)
        said = words_about_values(result.stderr + result.stdout)
        assert "Traceback" not in result.stderr, verb
        wanted = expected if verb == "restore" else expected | dropped
        assert said == wanted, verb
