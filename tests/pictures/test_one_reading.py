"""Every verb reads a file in one way: equal pixels, equal remarks, equal refusals."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from defocus.align.flow.by_name import flow_estimator
from defocus.baselines.registry import baseline
from defocus.benchmark.evaluation.restore import restore_picture
from defocus.benchmark.external_results.matching import Subject
from defocus.benchmark.external_results.scoring import read_pictures
from defocus.benchmark.scoring.profiles import DEFAULT
from defocus.datasets.measuring.kept import measured_pair
from defocus.datasets.opening import opened
from defocus.datasets.pair import Pair
from defocus.datasets.release.pictures import released_members
from defocus.errors import DefocusError
from defocus.front.dataset import Pair as FrontPair
from defocus.front.pictures import pictures
from defocus.pictures.headers import kind_of
from defocus.pictures.read import read_blurry, read_image, read_own_picture, read_pair
from defocus.pictures.remarks import TRANSPARENT, said_of_pixels
from defocus.pictures.values import as_float
from tests.pictures.corpus import GROUPS

CORPUS = {name: content for group in GROUPS for name, content in group()}
"""Every odd file by name."""

REFUSED_AS_PAIRS = ("pixels are float32", "pixels are float64")
"""Floats are restored; a dataset holds integers."""


def of_restore(path: Path) -> np.ndarray:
    return read_own_picture(path).colours()


def of_file(path: Path) -> np.ndarray:
    return as_float(read_image(path))


def of_pair(path: Path) -> np.ndarray:
    return as_float(read_pair(path, path)[0])


def of_member(path: Path) -> np.ndarray:
    return as_float(read_blurry(path, path))


def of_python(path: Path) -> np.ndarray:
    return pictures(path, "picture").floats()[0]


def pair_of(path: Path) -> Pair:
    """The file as both members of a pair of a dataset, which knows its white."""
    return opened("pairs", path.parent, (Pair("a", "a", "test", path, path),)).pairs[0]


def of_dataset(path: Path) -> np.ndarray:
    return as_float(FrontPair(pair_of(path)).blurry)


def of_score(path: Path) -> np.ndarray:
    pair = pair_of(path)
    subject = Subject("a", path, ("a",), pair)
    return read_pictures(subject, path, DEFAULT, None, with_sharp=True).restored


def of_scored_files(path: Path) -> np.ndarray:
    subject = Subject("a", path, ("a",))
    return read_pictures(subject, path, DEFAULT, None, with_sharp=True).restored


def of_release(path: Path) -> np.ndarray:
    content = released_members(pair_of(path))["blurry"]
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return as_float(np.ascontiguousarray(picture[:, :, ::-1]))


VERBS = (
    of_restore,
    of_file,
    of_pair,
    of_member,
    of_python,
    of_dataset,
    of_score,
    of_scored_files,
    of_release,
)


def outcome(read, path):
    """The pixels of a file by a verb, or the words by which it is refused."""
    try:
        return read(path)
    except DefocusError as error:
        return str(error).replace(str(path), "FILE")


@pytest.mark.parametrize("name", CORPUS)
def test_every_verb_reads_the_same(name, tmp_path, cache_folder):
    path = tmp_path / name
    path.write_bytes(CORPUS[name])
    outcomes = {read.__name__: outcome(read, path) for read in VERBS}
    restored = outcomes.pop("of_restore")
    refusals = {one for one in outcomes.values() if isinstance(one, str)}
    if refusals:
        assert len(refusals) == 1, outcomes
        assert all(isinstance(one, str) for one in outcomes.values())
        (refusal,) = refusals
        if isinstance(restored, str):
            assert refusal == restored or "not finite" in restored
        else:
            assert any(one in refusal for one in REFUSED_AS_PAIRS)
        return
    for verb, pixels in outcomes.items():
        assert pixels.shape == (*restored.shape[:2], 3), verb
        np.testing.assert_allclose(pixels, restored, atol=1e-4, err_msg=verb)


@pytest.mark.parametrize("name", CORPUS)
def test_every_verb_says_the_same(name, tmp_path, cache_folder, capsys):
    path = tmp_path / name
    path.write_bytes(CORPUS[name])
    said = {}
    for read in (of_file, of_dataset):
        outcome(read, path)
        said[read] = words_about_values(capsys.readouterr().err)
    if isinstance(outcome(read_own_picture, path), str):
        assert said[of_file] == said[of_dataset] == set()
        return
    own = read_own_picture(path)
    if own.stored.dtype.kind == "f":
        expected = set()
    else:
        remarks = [one.text for one in own.metadata.remarks]
        expected = words_about_values("\n".join(remarks))
        expected |= {TRANSPARENT} & set(said_of_pixels(own.stored))
    assert said[of_file] == expected
    assert said[of_dataset] == expected


ABOUT = (
    "white is taken as",
    "mosaic of a sensor",
    "the DNG asks for",
    "bits in 16?",
    "CMYK becomes RGB",
    "the others are left out",
    "whatever its suffix says",
    "the colour space of a JPEG XL",
    "its transparency",
    "no stated meaning",
    "of a colour become 8",
)

BEGINNINGS = (
    "values reach",
    "values of 16",
    "period of",
    "the DNG asks",
    "CMYK becomes",
    "holds ",
    "is ",
    "the colour space",
    "its transparency",
    "left out: the last value",
    "left out: bits",
    "its 10 bits",
)
"""First words of these remarks."""


def words_about_values(text: str) -> set[str]:
    """The remarks about values in what was said, without the file and without advice."""
    words = set()
    for line in text.splitlines():
        parts = f": {line}"
        for begin in BEGINNINGS:
            place = parts.find(f": {begin}")
            if place >= 0:
                remark = parts[place + 2 :]
                for advice in ("; --white", " --white", " If they are", ", and stays"):
                    remark = remark.partition(advice)[0]
                words.add(remark)
    return {one for one in words if any(word in one for word in ABOUT)}


def test_an_audit_measures_the_pixels_of_the_door(tmp_path, cache_folder):
    path = tmp_path / "12-in-16.png"
    path.write_bytes(CORPUS["12-in-16.png"])
    blurry, sharp, _ = measured_pair(pair_of(path), flow_estimator("dis"), "key")
    np.testing.assert_allclose(as_float(blurry), of_restore(path), atol=1e-4)
    assert np.array_equal(blurry, sharp)


def test_a_network_gets_the_pixels_of_the_door(tmp_path, cache_folder):
    path = tmp_path / "12-in-16.png"
    path.write_bytes(CORPUS["12-in-16.png"])
    card, device = baseline("input").card, torch.device("cpu")
    given = restore_picture(torch.nn.Identity(), card, pair_of(path), device).picture
    np.testing.assert_allclose(given, of_restore(path), atol=1e-4)


def test_the_corpus_has_every_kind():
    kinds = {kind_of(content[:512]) for content in CORPUS.values()}
    assert {"PNG", "JPEG", "TIFF", "BMP", "WebP", "AVIF"} <= kinds
    assert sum(name.endswith(".dng") for name in CORPUS) >= 6
