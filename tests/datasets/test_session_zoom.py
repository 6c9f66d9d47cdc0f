"""Pairs of one session are pooled by audit and compensate, and by ``align --session``."""

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.align.registration.asymmetry.fitted import TileAsymmetry
from defocus.align.registration.session import OwnZoom, Shared
from defocus.datasets.api import open_dataset
from defocus.datasets.audit.output import write_audit
from defocus.datasets.audit.pairs.pair_audit import AuditedPair
from defocus.datasets.audit.run import audit_dataset, row_document, row_of_document
from defocus.datasets.audit.shards import audit_shard, merge_shards
from defocus.datasets.deriving.compensate import compensate_dataset
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.measuring.kept import session_key
from defocus.datasets.measuring.session import measured_lens, session_lenses
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError
from defocus.images import as_integer, linear_to_srgb, write_image
from tests.align.test_session import KNOWN, UNKNOWN, ZOOM, pair
from tests.conftest import Run

CAMERA = {"camera": {"model": "one"}, "mode": "focus"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Dataset:
    """Three pairs that are known and one that is not, as a manifest."""
    root = tmp_path_factory.mktemp("session")
    pairs = []
    for number, (name, diameter_px) in enumerate((*KNOWN[:3], UNKNOWN)):
        members = []
        for role, light in zip(("blurry", "sharp"), pair(name, diameter_px)[:2], strict=True):
            members.append(root / f"{role}{number}.png")
            code = linear_to_srgb(np.minimum(light, 1))
            write_image(members[-1], as_integer(np.dstack([code] * 3), 8))
        blurry, sharp = members
        facts = MappingProxyType(CAMERA)
        pairs.append(Pair(f"p{number}", f"s{number}", "train", blurry, sharp, metadata=facts))
    write_manifest(root, make_manifest(root, tuple(pairs)))
    return open_dataset(f"manifest:{root}")


def test_audit_and_compensate_pool_by_themselves_and_say_so(
    session: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = audit_dataset(session, "dis", 1).pairs
    said = capsys.readouterr().err
    assert "3 pairs of one session: zoom 1.00" in said
    assert rows[3].status == "ok"
    assert rows[3].session_pairs == 3
    assert rows[3].zoom == pytest.approx(ZOOM, abs=0.001)
    helped = [row.id for row in rows if row.session_pairs]
    assert f"{len(helped)} pairs measured with it" in said
    done = compensate_dataset(session, tmp_path / "out", Release(), flow_estimator, jobs=1)
    assert [one.id for one in done.pairs] == ["p0", "p1", "p2", "p3"]
    assert "3 pairs of one session: zoom 1.00" in capsys.readouterr().err
    told = json.loads((tmp_path / "out/pairs/p3/misalignment.json").read_text())
    assert told["session"]["pairs"] == 3
    assert told["zoom"] == pytest.approx(rows[3].zoom, abs=1e-9)


def test_a_session_is_merged_with_two_jobs_as_with_one(
    session: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pairs are measured again when all parts are there, each way with a cache of its own."""
    made = {}
    for jobs in (1, 2):
        monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / f"cache{jobs}"))
        for part in (1, 2):
            audit_shard(session, "dis", jobs, (part, 2), tmp_path / f"{jobs}/part{part}")
        parts = [tmp_path / f"{jobs}/part{part}" for part in (1, 2)]
        audit = merge_shards(session, "dis", parts, jobs)
        assert sum(row.session_pairs is not None for row in audit.pairs) >= 2
        write_audit(tmp_path / f"{jobs}/merged", session, audit, None)
        files = [path for path in (tmp_path / str(jobs)).rglob("*") if path.is_file()]
        made[jobs] = {str(one.relative_to(tmp_path / str(jobs))): one.read_bytes() for one in files}
    assert len(made[1]) == 2 + 4 + len(("csv", "json", "html", "place")) + 3 * len(session.pairs)
    assert made[1] == made[2]


def test_align_with_a_session(session: Dataset, run: Run) -> None:
    files = [session.pairs[3].blurry, session.pairs[3].sharp]
    done = run("defocus-data", "align", *files, "--session", f"manifest:{session.root}")
    assert done.returncode == 0, done.stderr
    assert "session    zoom of 3 pairs of the session" in done.stdout
    assert "3 pairs of one session: zoom 1.00" in done.stderr


def test_align_with_a_session_takes_the_pairs_that_say_so(session: Dataset) -> None:
    """Of two cameras in one dataset those of the pair's own count."""
    estimator = flow_estimator("dis")
    two = [
        replace(one, metadata=MappingProxyType({**CAMERA, "camera": {"model": model}}))
        for one, model in zip(session.pairs, ("one", "one", "one", "two"), strict=True)
    ]
    both = replace(session, pairs=tuple(two))
    lens = measured_lens(both, estimator, session.pairs[0].blurry)
    assert lens.pairs == 3
    with pytest.raises(DatasetError, match="0 of 1 pairs is known"):
        measured_lens(both, estimator, session.pairs[3].blurry)
    with pytest.raises(DatasetError, match=r"its pairs are of 2 sessions.*elsewhere.png"):
        measured_lens(both, estimator, Path("elsewhere.png"))


def test_what_a_session_gave_is_measured_anew_where_its_pairs_say_something_else(
    session: Dataset,
) -> None:
    """Pictures stay the same; the mode in the metadata alone decides what is shared."""
    other = [
        replace(one, metadata=MappingProxyType({**CAMERA, "mode": "aperture"}))
        for one in session.pairs
    ]
    assert session_key(session) != session_key(replace(session, pairs=tuple(other)))
    assert session_key(session) == session_key(open_dataset(f"manifest:{session.root}"))


def test_align_with_a_session_and_a_translation_at_most(session: Dataset, run: Run) -> None:
    files = [session.pairs[3].blurry, session.pairs[3].sharp]
    words = ("--session", f"manifest:{session.root}", "--at-most", "translation")
    done = run("defocus-data", "align", *files, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--session gives a zoom, and --at-most translation has none" in done.stderr


def test_pairs_of_other_cameras_or_settings_are_no_session(session: Dataset) -> None:
    own = {
        one.id: OwnZoom(1.006, 0.001 + 0.001 * number, 200.0)
        for number, one in enumerate(session.pairs)
    }
    assert set(session_lenses(session.pairs, own)) >= {"p1", "p2", "p3"}
    others = [
        Pair(one.id, one.scene, "train", one.blurry, metadata={**CAMERA, "focus_steps": number})
        for number, one in enumerate(session.pairs)
    ]
    assert session_lenses(others, own) == {}
    nothing = [Pair(one.id, one.scene, "train", one.blurry) for one in session.pairs]
    assert session_lenses(nothing, own) == {}


def test_only_the_aperture_changed_needs_no_other_pair(
    session: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {**CAMERA, "mode": "aperture"}
    first = Pair("p0", "s0", "train", session.pairs[0].blurry, metadata=facts)
    assert session_lenses([first], {"p0": OwnZoom(None, None, 200.0)})["p0"].zoom == Shared(
        1.0, 0.0, 0
    )
    said = capsys.readouterr().err
    assert "only the aperture changed, so the zoom is 1; 1 pair measured with it" in said
    assert session_lenses([first], {"p0": OwnZoom(1.02, 0.001, 200.0)}) == {}
    assert session_lenses([first], {"p0": OwnZoom(1.0001, 0.0002, 200.0)}) == {}


TOLD: dict[str, float | str] = {"model": "One", "focal_length": 50.0, "f_number": 2.0}


def photograph(path: Path, **told: float | str) -> Path:
    """A picture with EXIF."""
    exif = Image.Exif()
    below = exif.get_ifd(ExifTags.IFD.Exif)
    tags = {"focal_length": 0x920A, "f_number": 0x829D, "distance": 0x9206}
    below.update({tags[name]: IFDRational(float(told[name])) for name in tags if name in told})
    if "model" in told:
        exif[0x0110] = told["model"]
    Image.new("RGB", (32, 32)).save(path, exif=exif)
    return path


def pairs_of(folder: Path, **sharp: float | str) -> list[Pair]:
    """Four pairs of one camera; what is given tells of the sharp member."""
    focused: dict[str, float | str] = {"distance": 2.5} if "distance" in sharp else {}
    return [
        Pair(
            f"p{number}", f"s{number}", "train",
            photograph(folder / f"b{number}.jpg", **{**TOLD, **focused}),
            photograph(folder / f"s{number}.jpg", **{**TOLD, "f_number": 16.0, **sharp}),
        )
        for number in range(4)
    ]  # fmt: skip


OWN = {
    **{f"p{number}": OwnZoom(1.006, 0.001 + 0.001 * number, 200.0) for number in range(3)},
    "p3": OwnZoom(None, None, 200.0),
}


def test_exif_tells_a_session_but_not_the_change_of_focus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pair that is unknown by itself could have been refocused otherwise."""
    found = session_lenses(pairs_of(tmp_path), OWN)
    assert "p2" in found
    assert "p3" not in found
    assert "3 pairs of one session: zoom 1.00600" in capsys.readouterr().err
    assert "p3" in session_lenses(pairs_of(tmp_path, distance=2.5), OWN)


def test_exif_with_the_same_focus_is_no_proof_that_only_the_aperture_changed(
    tmp_path: Path,
) -> None:
    unknown = dict.fromkeys(OWN, OwnZoom(None, None, 200.0))
    assert session_lenses(pairs_of(tmp_path, distance=2.5), unknown) == {}


@pytest.mark.parametrize("sharp", [{"focal_length": 35.0}, {"model": "Two"}, {"f_number": 0.0}])
def test_exif_of_two_lenses_or_without_an_aperture_is_no_session(
    tmp_path: Path, sharp: dict[str, float | str]
) -> None:
    assert session_lenses(pairs_of(tmp_path, **sharp), OWN) == {}


def test_a_folder_with_exif_is_pooled_by_audit_and_compensate(
    session: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(photograph(tmp_path / "told.jpg", **TOLD)) as told:
        exif = told.getexif()
        exif.get_ifd(ExifTags.IFD.Exif)
    for number, one in enumerate(session.pairs[:3]):
        for role in ("blurry", "sharp"):
            file = tmp_path / "folder" / role / f"{number}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(getattr(one, role)) as picture:
                picture.save(file, exif=exif)
    folder = open_dataset(f"pairs:{tmp_path / 'folder'}")
    rows = audit_dataset(folder, "dis", 1).pairs
    said = "3 pairs of one session: zoom 1.00"
    assert said in capsys.readouterr().err
    assert 1 <= sum(row.session_pairs == 3 for row in rows) <= 3
    compensate_dataset(folder, tmp_path / "out", Release(), flow_estimator, jobs=1)
    assert said in capsys.readouterr().err


def test_a_row_with_a_number_that_is_none_is_refused() -> None:
    row = AuditedPair("p0", "s0", "train", "ok", spread=TileAsymmetry(0.1, 900.0, 0.2, 0.0, 4.0))
    document = json.loads(json.dumps(row_document(row)))
    assert row_of_document(dict(document)) == row
    document["spread"]["value"] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        row_of_document(document)
