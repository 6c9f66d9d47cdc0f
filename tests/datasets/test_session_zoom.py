"""Pairs of one session are pooled by audit and compensate, and by ``align --session``."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from defocus.align.compensation.compensate import Release
from defocus.align.flow.by_name import flow_estimator
from defocus.align.registration.asymmetry import TileAsymmetry
from defocus.align.registration.session import OwnZoom, SessionLens, Shared
from defocus.datasets.api import open_dataset
from defocus.datasets.audit import run as audit_run
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import audit_dataset, row_document, row_of_document
from defocus.datasets.deriving import compensate
from defocus.datasets.deriving.compensate import compensate_dataset
from defocus.datasets.manifest import make_manifest, write_manifest
from defocus.datasets.measuring.kept import session_key
from defocus.datasets.measuring.session import (
    lenses_of,
    measured_lens,
    pooled_sessions,
    sessions_of,
)
from defocus.datasets.pair import Pair
from defocus.errors import DatasetError, KilledError
from defocus.pictures.values import as_integer, linear_to_srgb
from defocus.pictures.write import write_image
from defocus.processes.isolation import Killed, LeftOut
from tests.align.test_session import KNOWN, UNKNOWN, ZOOM, pair
from tests.datasets.test_which_session import BODY, described, pairs_of

CAMERA = {"camera": {"model": "one"}, "mode": "focus"}


def pooled(pairs, own):
    return pooled_sessions(sessions_of(pairs), own)


def lenses(pairs, own):
    return lenses_of(pooled(pairs, own))


@pytest.fixture(scope="module")
def session(tmp_path_factory, cache_folder):
    """Three pairs that are known and one that is not, as a manifest."""
    root = tmp_path_factory.mktemp("session")
    pairs = []
    for number, (name, diameter_px) in enumerate((*KNOWN[:3], UNKNOWN)):
        members = []
        for role, light in zip(
            ("blurry", "sharp"), pair(name, diameter_px)[:2], strict=True
        ):
            members.append(root / f"{role}{number}.png")
            code = linear_to_srgb(np.minimum(light, 1))
            write_image(members[-1], as_integer(np.dstack([code] * 3), 8))
        blurry, sharp = members
        facts = MappingProxyType(CAMERA)
        pairs.append(
            Pair(f"p{number}", f"s{number}", "train", blurry, sharp, metadata=facts)
        )
    write_manifest(root, make_manifest(root, tuple(pairs)))
    return open_dataset(f"manifest:{root}")


def test_audit_and_compensate_pool_and_say_so(session, tmp_path, data):
    name = f"manifest:{session.root}"
    result = data("audit", name, "--out", tmp_path / "audit", "--json", "--on", "1")
    audit = json.loads(result.stdout)
    rows = audit["pairs"]
    assert (rows[3]["status"], rows[3]["session_pairs"]) == ("ok", 3)
    assert rows[3]["zoom"] == pytest.approx(ZOOM, abs=0.001)
    (row,) = audit["sessions"]
    assert (row["by"], row["camera"], row["known_alone"]) == ("journal", "one", 3)
    assert row["pairs"] == ["p0", "p1", "p2", "p3"]
    assert row["measured_with_it"] == [
        one["id"] for one in rows if one["session_pairs"]
    ]
    assert (row["answered_thanks_to_it"], row["contradicting"]) == (["p3"], [])
    assert row["shared"]["by"] == "journal"
    zoom = f"{row['shared']['zoom']:.5f} ± {row['shared']['sigma']:.5f}"
    said = f"session of 4 pairs by journal (one): zoom {zoom}"
    outcome = f"used for {len(row['measured_with_it'])} of them"
    for words in (said, f"from 3 pairs; {outcome}, 1 pair unknown without it"):
        assert words in result.stderr

    page = (tmp_path / "audit/audit.html").read_text()
    for words in (
        "What the pairs of a session share",
        "journal",
        zoom,
        "1: p3",
        "± in the mean",
    ):
        assert words in page

    result = data("compensate", name, "--out", tmp_path / "out", "--json", code=None)
    document = json.loads(result.stdout)
    assert document["pairs"] == row["pairs"]
    assert document["sessions"] == audit["sessions"]
    assert said in result.stderr
    assert outcome in result.stderr
    record = json.loads((tmp_path / "out/pairs/p3/misalignment.json").read_text())
    assert (record["session"]["pairs"], record["session"]["by"]) == (3, "journal")
    assert record["session"]["unknown_alone"]
    assert record["zoom"] == pytest.approx(rows[3]["zoom"], abs=1e-9)
    assert (
        json.loads((tmp_path / "out/pairs/p0/misalignment.json").read_text())["status"]
        == "ok"
    )


def instead_of_result(each, outcome):
    """Work on many pairs, of which one has this outcome in place of its result."""

    def disturbed(work, items, where):
        for name, result in each(work, items, where):
            yield name, outcome if name == outcome.id else result

    return disturbed


KILLED = Killed("p0", "it was killed")
UNREAD = LeftOut("p0", "input/output error")


@pytest.mark.full
def test_nothing_is_pooled_without_a_pair_whose_processes_were_killed(
    session, tmp_path, monkeypatch
):
    """Else the others' measurements would be kept with what three pairs share, not four."""
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        for module in (audit_run, compensate):
            patch.setattr(module, "each", instead_of_result(module.each, KILLED))
        audit = audit_dataset(session, "dis", 1)
        assert [one.id for one in audit.left_out] == ["p0"]
        assert (audit.sessions, audit.in_session(session)) == ((), {})
        with pytest.raises(KilledError, match="give the same command again"):
            compensate_dataset(session, tmp_path / "out", Release(), flow_estimator)
        assert not (tmp_path / "out" / "pairs").exists()
    again = audit_dataset(session, "dis", 1)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "other"))
    whole = audit_dataset(session, "dis", 1)
    assert list(map(row_document, again.pairs)) == list(map(row_document, whole.pairs))
    assert "p3" in again.in_session(session)


@pytest.mark.full
def test_what_was_shared_without_an_unread_pair_is_forgotten_once_it_is_read(
    session, tmp_path, monkeypatch
):
    """Its disk may have failed once; the others are then measured with what all pairs share."""
    more = replace(
        session, pairs=(*session.pairs, replace(session.pairs[1], id="p4", scene="s4"))
    )
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch:
        patch.setattr(audit_run, "each", instead_of_result(audit_run.each, UNREAD))
        without = audit_dataset(more, "dis", 1)
    again = audit_dataset(more, "dis", 1)
    monkeypatch.setenv("DEFOCUS_CACHE", str(tmp_path / "other"))
    whole = audit_dataset(more, "dis", 1)
    assert [one.lens.pairs for one in without.sessions] == [3]
    assert [one.lens.pairs for one in whole.sessions] == [4]
    assert list(map(row_document, again.pairs)) == list(map(row_document, whole.pairs))


@pytest.mark.full
def test_a_continued_compensation_says_the_same(session, tmp_path):
    """What an earlier run has made counts too."""
    first = compensate_dataset(session, tmp_path, Release(), flow_estimator, where=1)
    (tmp_path / "manifest.json").unlink()
    again = compensate_dataset(session, tmp_path, Release(), flow_estimator, where=1)
    assert again.sessions == first.sessions
    assert [one.answered for one in again.sessions] == [("p3",)]


def test_align_with_a_session(session, data, said, snapshot):
    files = [session.pairs[3].blurry, session.pairs[3].sharp]
    result = data("align", *files, "--session", f"manifest:{session.root}")
    by = "(a session by journal); alone the pair is unknown: "
    assert f"session    zoom of 3 pairs of the session {by}" in result.stdout
    assert "moved      " in result.stdout
    assert "session of 4 pairs by journal (one): zoom 1.00" in result.stderr
    assert "from 3 pairs; 0 contradict it" in result.stderr
    more = ("--session", f"manifest:{session.root}", "--at-most", "translation")
    assert said(data("align", *files, *more, code=2)) == snapshot


def test_align_lists_what_a_session_is_without(session, data, tmp_path):
    files = [session.pairs[3].blurry, session.pairs[3].sharp]
    root = Path(shutil.copytree(session.root, tmp_path / "copy"))
    (root / "sharp4.png").write_bytes((root / "sharp0.png").read_bytes()[:99])
    pairs = open_dataset(f"manifest:{root}").pairs
    odd = replace(pairs[0], id="p4", sharp=root / "sharp4.png")
    write_manifest(root, make_manifest(root, (*pairs, odd)))
    result = data("align", *files, "--session", f"manifest:{root}", "--json", code=1)
    document = json.loads(result.stdout)
    assert [one["id"] for one in document["left_out"]] == ["p4"]
    assert document["session"]["pairs"] == 3
    assert "pair p4 is left out: sharp4.png: " in result.stderr


def test_align_with_a_session_takes_the_pairs_that_say_so(session, refused):
    """Of two cameras in one dataset those of the pair's own count."""
    estimator = flow_estimator("dis")
    other = {**CAMERA, "camera": {"model": "two"}}
    last = replace(session.pairs[3], metadata=MappingProxyType(other))
    # measured once
    own = [replace(session.pairs[0], id=f"p{number}") for number in range(3)]
    both = replace(session, pairs=(*own, last))
    lens, _ = measured_lens(both, estimator, session.pairs[0].blurry)
    assert lens.pairs == 3
    with refused(DatasetError):
        measured_lens(both, estimator, session.pairs[3].blurry)
    with refused(DatasetError):
        measured_lens(both, estimator, Path("elsewhere.png"))


def test_what_a_session_gave_is_measured_again_where_its_pairs_say_something_else(
    session,
):
    """Pictures stay the same; the mode in the metadata alone decides what is shared."""
    other = [
        replace(one, metadata=MappingProxyType({**CAMERA, "mode": "aperture"}))
        for one in session.pairs
    ]
    assert session_key(session) != session_key(replace(session, pairs=tuple(other)))
    assert session_key(session) == session_key(open_dataset(f"manifest:{session.root}"))


def test_pairs_of_other_cameras_or_settings_are_no_session(session):
    own = {f"p{n}": OwnZoom(1.006, 0.001 + 0.001 * n, 200.0) for n in range(4)}
    assert set(lenses(session.pairs, own)) >= {"p1", "p2", "p3"}
    others = [
        Pair(
            one.id,
            one.scene,
            "train",
            one.blurry,
            metadata={**CAMERA, "focus_steps": number},
        )
        for number, one in enumerate(session.pairs)
    ]
    assert pooled(others, own) == ()
    nothing = [Pair(one.id, one.scene, "train", one.blurry) for one in session.pairs]
    assert pooled(nothing, own) == ()


def test_only_the_aperture_changed_needs_no_other_pair(session):
    """The zoom is 1 by what the metadata say; no pair stands behind it."""
    facts = {**CAMERA, "mode": "aperture"}
    first = Pair("p0", "s0", "train", session.pairs[0].blurry, metadata=facts)
    (pool,) = pooled([first], {"p0": OwnZoom(None, None, 200.0)})
    assert pool.lens == SessionLens(Shared(1.0, 0.0, 0), by="journal")
    assert pool.worth == ("p0",)
    assert pool.shared == "only the aperture changed, so zoom is taken as 1"
    assert pool.to_json()["shared"]["pairs"] == 0
    assert lenses([first], {"p0": OwnZoom(1.02, 0.001, 200.0)}) == {}
    assert lenses([first], {"p0": OwnZoom(1.0001, 0.0002, 200.0)}) == {}
    unsure = {one.id: OwnZoom(1.0002, 0.002, 200.0) for one in session.pairs}
    (pool,) = pooled([replace(one, metadata=facts) for one in session.pairs], unsure)
    assert pool.to_json()["shared"]["pairs"] == 0, (
        "none is named for what was not measured"
    )
    assert "from" not in pool.shared


def test_pairs_that_contradict_their_session_or_are_affine_keep_their_own():
    zooms = dict.fromkeys(
        [f"p{number}" for number in range(12)], OwnZoom(1.006, 0.001, 200.0)
    )
    zooms["p11"] = OwnZoom(1.2, 0.001, 200.0)
    pairs = [replace(described(BODY), id=name) for name in zooms]
    (pool,) = pooled(pairs, zooms)
    assert (pool.contradicting, "p11" in pool.worth) == (("p11",), False)
    still = [
        replace(one, metadata={**one.metadata, "mode": "aperture"}) for one in pairs
    ]
    ones = dict.fromkeys(zooms, OwnZoom(1.0, 0.001, 200.0)) | {
        "p11": OwnZoom(1.2, 0.001, 200.0)
    }
    (pool,) = pooled(still, ones)
    assert (pool.contradicting, "p11" in pool.worth) == (("p11",), False)
    assert "1 contradicts it" in pool.outcome
    own = {
        f"p{number}": OwnZoom(1.006, 0.001 + 0.001 * number, 200.0)
        for number in range(4)
    }
    own["p3"] = replace(own["p3"], takes=False)
    (pool,) = pooled([replace(described(BODY), id=name) for name in own], own)
    assert pool.lens.pairs == 4
    assert "p2" in pool.worth
    assert "p3" not in pool.worth


OWN = {f"p{n}": OwnZoom(1.006, 0.001 + 0.001 * n, 200.0) for n in range(3)}
OWN["p3"] = OwnZoom(None, None, 200.0)


def test_exif_tells_a_session_but_not_the_change_of_focus(tmp_path):
    """A pair that is unknown by itself could have been refocused otherwise."""
    (pool,) = pooled(pairs_of(tmp_path), OWN)
    assert "p2" in pool.worth
    assert "p3" not in pool.worth
    assert pool.title == "session of 4 pairs by EXIF (One, 50 mm)"
    assert pool.shared.startswith("zoom 1.00600 ± 0.0")
    focused = pairs_of(tmp_path, distance=2.5)
    assert "p3" in lenses(focused, OWN)
    unknown = dict.fromkeys(OWN, OwnZoom(None, None, 200.0))
    assert lenses(focused, unknown) == {}, "no proof that only the aperture changed"


def test_a_row_with_a_number_that_is_none_is_refused(refused):
    row = AuditedPair(
        "p0", "s0", "train", "ok", spread=TileAsymmetry(0.1, 900.0, 0.2, 0.0, 4.0)
    )
    document = json.loads(json.dumps(row_document(row)))
    assert row_of_document(dict(document)) == row
    document["spread"]["value"] = float("nan")
    with refused(ValueError):
        row_of_document(document)
