"""Curation and splits: what rules and people decide; no scene, no look-alike in two parts."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defocus.datasets.api import open_dataset
from defocus.datasets.audit.pair_audit import AuditedPair, NearDuplicate
from defocus.datasets.audit.run import Audit
from defocus.datasets.commands import curate
from defocus.datasets.curation import (
    DECISIONS,
    add_decision,
    begin_curation,
    finish_curation,
    read_decisions,
    undo_decision,
)
from defocus.datasets.curation_rules import Judgement, Rules, judged, read_rules
from defocus.datasets.curation_splits import (
    Shares,
    draw_splits,
    is_official,
    linked_scenes,
    mean_blur,
    split_dataset,
)
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import DatasetError, NotApplicableError, SettingsError
from defocus.likeness import fingerprint
from tests.datasets.conftest import picture, write_folder

GOOD = AuditedPair(
    "a", "a", "train", "ok", misalignment_px=0.4, residual_p95_px=0.5, reliable_share=0.9,
    gain_ev=0.1, blur_p95_px=8.0, fine_to_coarse=0.5, blurry_fine_to_coarse=0.2,
    unexplained_stops=0.1, light_across_ev=0.02, moved_stops=0.1, blurrier_share=0.05,
    colour_strength=1.01, clipped_share=0.01,
)  # fmt: skip
LAX = Rules(
    most_misalignment_px=None, most_residual_px=None, most_gain_ev=None, sharper=False,
    most_unexplained_stops=None, most_light_across_ev=None, most_blurrier_share=None,
    most_colour_change=None, most_clipped_share=None,
)  # fmt: skip


def audit_of(*rows: AuditedPair, duplicates=()):
    return Audit("test", "0", "dis", rows, duplicates)


def verdict(row, rules):
    (judgement,) = judged(audit_of(row), rules)
    assert judgement.by == "rule"
    return judgement.verdict, judgement.reason


BROKEN = [
    ("most_misalignment_px", 1.0, {"misalignment_px": 1.2}, "misalignment 1.2 px, at most 1"),
    ("most_residual_px", 1.0, {"residual_p95_px": 3.0}, "residual flow 3 px"),
    ("most_gain_ev", 0.5, {"gain_ev": -0.7}, "exposure differs by 0.7 EV"),
    ("least_reliable_share", 0.5, {"reliable_share": 0.2}, "reliable share 0.2, at least 0.5"),
    ("least_blur_px", 2.0, {"blur_p95_px": 1.0}, "blur 1 px, at least 2"),
    ("most_blur_px", 20.0, {"blur_p95_px": 33.0}, "blur 33 px, at most 20"),
    ("least_sharpness", 0.3, {"fine_to_coarse": 0.25}, "sharpness 0.25"),
    ("sharper", True, {"fine_to_coarse": 0.1}, "not the sharper one: sharpness over blurry 0.5"),
    ("most_unexplained_stops", 0.3, {"unexplained_stops": 0.7}, "does not explain 0.7 stops, at"),
    ("most_unexplained_stops", 0.3, {"unexplained_stops": 0.7, "moved_stops": 0.6},
     "something moved: the blur does not explain 0.7 stops"),
    ("most_light_across_ev", 0.2, {"light_across_ev": 0.5}, "across the picture by 0.5 EV"),
    ("most_blurrier_share", 0.25, {"blurrier_share": 0.4},
     "the sharp member is focused elsewhere: share where it is the blurrier one 0.4"),
    ("most_colour_change", 0.06, {"colour_strength": 0.8}, "of one member are stronger by 0.25"),
    ("most_colour_change", 0.06, {"colour_strength": 100.0}, "one member has hardly any colours"),
    ("most_clipped_share", 0.3, {"blurry_clipped_share": 0.5},
     "the blurry member is overexposed: clipped share 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "limit", "bad", "reason"), BROKEN)
def test_each_rule_rejects_what_breaks_it_and_nothing_else(rule, limit, bad, reason):
    asked = Rules.model_validate({**LAX.model_dump(), rule: limit})
    assert verdict(GOOD, asked) == ("accept", "")
    why = verdict(replace(GOOD, **bad), asked)
    assert why[0] == "reject"
    assert reason in why[1]
    assert verdict(replace(GOOD, **bad), LAX) == ("accept", "")
    unmeasured = replace(GOOD, **dict.fromkeys(bad))
    assert verdict(unmeasured, asked) == ("accept", "")


def test_one_picture_twice_and_what_was_not_measured_have_rules_of_their_own():
    same = replace(GOOD, same_picture=True)
    assert verdict(same, LAX) == (
        "reject",
        "blurry and sharp member are the same picture",
    )
    assert verdict(same, Rules(same_picture="accept")) == ("accept", "")
    swapped = replace(GOOD, fine_to_coarse=0.1, moved_stops=0.6, specks=9)
    assert not swapped.causes, "no blur explains a pair the other way round"
    bare = AuditedPair("a", "a", "train", "unknown", "too smooth")
    assert verdict(bare, Rules()) == (
        "reject",
        "its misalignment is unknown: too smooth",
    )
    assert verdict(bare, Rules(unknown="accept")) == ("accept", "")
    bare = replace(bare, status="no-sharp", reason="the pair has no sharp picture")
    assert verdict(bare, Rules())[0] == "reject"
    assert verdict(bare, Rules(without_sharp="accept"))[0] == "accept"
    damaged = replace(bare, status="unreadable", reason="cut short")
    assert verdict(damaged, LAX) == ("reject", "cut short")


def test_a_share_of_the_area_has_the_least_blur():
    """Three tenths of an area whose blur is spread evenly over 0 to 20 px have 14 px or more."""
    spread = replace(GOOD, blur_quantiles_px=tuple(map(float, range(21))))
    assert verdict(spread, Rules(least_blur_px=13.0, blurred_share=0.3))[0] == "accept"
    assert verdict(spread, Rules(least_blur_px=15.0, blurred_share=0.3)) == (
        "reject", "blur of the most blurred 30 % 14 px, at least 15 is asked",
    )  # fmt: skip


def test_what_was_not_measured_can_be_looked_at(capsys):
    bare = AuditedPair("a", "a", "train", "unknown", "too smooth")
    (judgement,) = judged(audit_of(bare), Rules())
    curate._say_what_to_do((judgement, replace(judgement, by="person")))
    stderr = capsys.readouterr().err
    assert stderr.startswith("1 pair of unknown misalignment; to keep such pairs")
    curate._say_what_to_do((Judgement("a", "reject", "blur 1 px"),))
    assert capsys.readouterr().err == ""


def test_of_two_pictures_in_two_splits_the_test_one_stays_for_a_short_reason():
    rows = [
        replace(GOOD, id=name, split=split)
        for name, split in (("a", "train"), ("b", "test"))
    ]
    for first, second in (("a", "b"), ("b", "a")):
        splits = {"a": "train", "b": "test"}
        leak = NearDuplicate(first, second, (splits[first], splits[second]), 0.99)
        judgements = judged(audit_of(*rows, duplicates=(leak,)), Rules())
        assert [one.verdict for one in judgements] == ["reject", "accept"]
        assert judgements[0].reason == "nearly the same picture as b in test"
    names = {"a": "train", **{f"t{n}": "test" for n in range(40)}, "v": "validation"}
    rows = [replace(GOOD, id=name, split=split) for name, split in names.items()]
    leaks = [
        NearDuplicate("a", name, ("train", names[name]), 0.99)
        for name in list(names)[1:]
    ]
    judgements = judged(audit_of(*rows, duplicates=tuple(leaks)), Rules())
    assert judgements[0].reason == (
        "nearly the same picture as t0 and 39 more in test; "
        "nearly the same picture as v in validation"
    )


def test_rules_of_a_file(tmp_path, refused):
    path = tmp_path / "rules.toml"
    path.write_text('most_misalignment_px = 3\nunknown = "accept"\n')
    rules = read_rules(path)
    assert (rules.most_misalignment_px, rules.unknown) == (3.0, "accept")
    path.write_text("most_misalignment = 3\n")
    with refused(SettingsError):
        read_rules(path)


@pytest.fixture
def curation(tmp_path):
    """Three pairs, of which the second is misaligned."""
    root = write_folder(tmp_path / "source", ["a.png", "b.png", "c.png"])
    dataset = open_dataset(f"pairs:{root}")
    rows = [row_of(pair) for pair in dataset.pairs]
    rows[1] = replace(rows[1], misalignment_px=9.0)
    return begin_curation(dataset, audit_of(*rows), Rules(), tmp_path / "out")


def accepted(curation):
    finish_curation(curation)
    return [pair.id for pair in open_dataset(f"manifest:{curation.out}").pairs]


def test_people_overrule_rules_and_may_change_their_mind(curation):
    assert accepted(curation) == ["a", "c"]
    add_decision(
        curation.out, Judgement("b", "accept", "it is the lens, it stays", "person")
    )
    add_decision(curation.out, Judgement("a", "reject", '=a hand, "mine"\n', "person"))
    assert accepted(curation) == ["b", "c"]
    table = (curation.out / "judgements.csv").read_text()
    assert "a,reject,\"'=a hand" in table
    assert 'b,accept,"it is the lens, it stays",person' in table
    assert not (curation.out / "pairs/a").exists()
    add_decision(curation.out, Judgement("a", "accept", "", "person"))
    assert accepted(curation) == ["a", "b", "c"]
    source = curation.dataset.pairs[0].blurry
    assert (curation.out / "pairs/a/blurry.png").read_bytes() == source.read_bytes()


def test_a_decision_that_was_cut_short_is_left_out(curation, refused):
    add_decision(curation.out, Judgement("b", "accept", "", "person"))
    path = curation.out / DECISIONS
    path.write_bytes(path.read_bytes() + '{"id": "a", "reason": "ü'.encode()[:-1])
    assert set(read_decisions(curation.out)) == {"b"}
    reason = "pasted:\u2028two lines\x85\n of ü"
    add_decision(curation.out, Judgement("c", "reject", reason, "person"))
    assert read_decisions(curation.out)["c"].reason == reason
    assert set(read_decisions(curation.out)) == {"b", "c"}
    path.write_text("{}\n")
    with refused(DatasetError):
        read_decisions(curation.out)


def test_decisions_are_undone_last_first(curation, refused):
    """Until none is left; what was decided before on the same pair counts again."""
    for name, verdict in (("a", "reject"), ("b", "accept"), ("a", "accept")):
        add_decision(curation.out, Judgement(name, verdict, "", "person"))
    assert undo_decision(curation.out) == "a"
    assert read_decisions(curation.out)["a"].verdict == "reject"
    assert [undo_decision(curation.out), undo_decision(curation.out)] == ["b", "a"]
    assert read_decisions(curation.out) == {}
    with refused(ValueError):
        undo_decision(curation.out)


def test_without_an_accepted_pair_the_judgements_are_there(curation, refused):
    for name in ("a", "b", "c"):
        add_decision(curation.out, Judgement(name, "reject", "no", "person"))
    with refused(NotApplicableError):
        finish_curation(curation)
    assert (curation.out / "judgements.csv").is_file()


def made_up(scenes, place=""):
    """A dataset whose files are never opened."""
    metadata = {"place": place} if place else {}
    pairs = tuple(
        Pair(
            f"{scene}-{n}",
            scene,
            "test",
            Path("b.png"),
            Path("s.png"),
            metadata=metadata,
        )
        for scene, count in scenes.items()
        for n in range(count)
    )
    return Dataset("pairs:x", Path(), pairs, "0", Path("derived"))


def row_of(pair, **more: Any):
    return replace(GOOD, id=pair.id, scene=pair.scene, split=pair.split, **more)


def audit_like(dataset, sizes=None):
    """Rows with the mean blur of scenes; the largest blur is the same in all."""
    blur = sizes or {}
    quantiles = {
        p.id: (blur.get(p.scene, 5.0),) * 19 + (8.0, 8.0) for p in dataset.pairs
    }
    return audit_of(
        *(row_of(p, blur_quantiles_px=quantiles[p.id]) for p in dataset.pairs)
    )


@settings(max_examples=40, deadline=None)
@given(
    scenes=st.dictionaries(
        st.text("abcdefgh", min_size=1, max_size=4),
        st.integers(1, 5),
        min_size=3,
        max_size=30,
    ),
    seed=st.integers(0, 3),
)
def test_scenes_are_whole_and_every_part_has_some(scenes, seed):
    dataset = made_up(scenes)
    splits = draw_splits(dataset, audit_like(dataset), Shares(), seed)
    assert set(splits) == set(scenes)
    assert set(splits.values()) == {"train", "validation", "test"}
    assert draw_splits(dataset, audit_like(dataset), Shares(), seed) == splits


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [1, 3, 5])
def test_the_shares_are_those_of_pairs_whatever_scenes_have(most, seed):
    """Sixty scenes of one pair to ``most`` pairs: each part is right to within one scene."""
    dataset = made_up({f"s{n:02d}": n % most + 1 for n in range(60)})
    splits = draw_splits(dataset, audit_like(dataset), Shares(0.2, 0.1), seed)
    pairs = Counter(splits[pair.scene] for pair in dataset.pairs)
    for part, share in {"train": 0.7, "validation": 0.1, "test": 0.2}.items():
        assert abs(pairs[part] - share * len(dataset.pairs)) <= most


def test_scenes_of_many_pairs_are_divided_as_those_of_one():
    dataset = made_up({f"s{n:02d}": 5 for n in range(40)})
    splits = draw_splits(dataset, audit_like(dataset), Shares(0.2, 0.1), 0)
    assert Counter(splits.values()) == {"train": 28, "validation": 4, "test": 8}


def test_kinds_of_scenes_are_spread_over_the_parts():
    """Thirty indoor and thirty outdoor scenes, each with small, middle and large blur."""
    indoor = made_up({f"in{n:02d}": 1 for n in range(30)}, "indoor")
    outdoor = made_up({f"out{n:02d}": 1 for n in range(30)}, "outdoor")
    dataset = replace(indoor, pairs=indoor.pairs + outdoor.pairs)
    blur = {pair.scene: float(n % 3) for n, pair in enumerate(dataset.pairs)}
    splits = draw_splits(dataset, audit_like(dataset, blur), Shares(0.2, 0.1), 0)
    assert Counter(splits.values()) == {"train": 42, "test": 12, "validation": 6}
    for kind in ("in", "out"):
        for size in range(3):
            members = [
                splits[s] for s in splits if s.startswith(kind) and blur[s] == size
            ]
            assert Counter(members) == {"train": 7, "test": 2, "validation": 1}
    split = [replace(pair, split=splits[pair.scene]) for pair in dataset.pairs]
    means = mean_blur(split, audit_like(dataset, blur))
    expected = 1.0 * 0.925 + 8.0 * 0.075
    assert means == pytest.approx(
        dict.fromkeys(("train", "validation", "test"), expected)
    )
    other = draw_splits(dataset, audit_like(dataset, blur), Shares(0.2, 0.1), 1)
    assert other != splits


def test_scenes_that_look_alike_or_share_a_source_stay_together():
    dataset = made_up(dict.fromkeys("abcde", 1))
    sources = {"c": ["brick"], "d": ["brick", "cat"], "e": ["cat"]}
    pairs = [
        replace(p, metadata={"sources": sources[p.scene]}) if p.scene in sources else p
        for p in dataset.pairs
    ]
    smooth = [
        np.kron(picture(n, 8, 8, bits=8), np.ones((12, 12, 1), np.uint8))
        for n in range(5)
    ]
    looks = dict(zip("abcde", map(fingerprint, smooth), strict=True))
    looks["b"] = fingerprint(
        np.minimum(smooth[0].astype(int) + 9, 255).astype(np.uint8)
    )
    rows = [row_of(p, fingerprints=(looks[p.scene],)) for p in pairs]
    assert linked_scenes(pairs, audit_of(*rows)) == [("a", "b"), ("c", "d", "e")]
    splits = draw_splits(
        replace(dataset, pairs=tuple(pairs)), audit_of(*rows), Shares(), 0
    )
    assert splits["a"] == splits["b"]
    assert splits["c"] == splits["d"] == splits["e"]
    assert len(set(splits.values())) == 2


@pytest.mark.parametrize(
    "source", ["dpdd", "realdof", "sample", "sdd", "lfdof", "realblur"]
)
def test_official_splits_are_never_drawn_again(source):
    dataset = made_up({f"{n:02d}": 1 for n in range(20)})
    pairs = [
        replace(p, split="test" if n < 5 else "train")
        for n, p in enumerate(dataset.pairs)
    ]
    dataset = replace(dataset, pairs=tuple(pairs), source=source)
    assert is_official(dataset)
    splits = draw_splits(dataset, audit_like(dataset), Shares(), 0)
    assert {scene for scene, split in splits.items() if split == "test"} == {
        f"{n:02d}" for n in range(5)
    }
    assert Counter(splits.values()) == {"test": 5, "train": 14, "validation": 1}
    complete = [replace(p, split=splits[p.scene]) for p in pairs]
    again = draw_splits(
        replace(dataset, pairs=tuple(complete)), audit_like(dataset), Shares(), 7
    )
    assert again == splits


def test_one_scene_cannot_be_split(refused):
    dataset = made_up({"only": 5})
    with refused(NotApplicableError):
        draw_splits(dataset, audit_like(dataset), Shares(), 0)


def test_leaks_of_official_splits_are_told(tmp_path):
    root = write_folder(tmp_path / "source", ["a.png", "b.png"], bits=8)
    dataset = replace(open_dataset(f"pairs:{root}"), source="dpdd")
    pairs = [
        replace(p, split=s)
        for p, s in zip(dataset.pairs, ("test", "validation"), strict=True)
    ]
    dataset = replace(dataset, pairs=tuple(pairs))
    look = fingerprint(
        np.kron(picture(1, 8, 8, bits=8), np.ones((12, 12, 1), np.uint8))
    )
    rows = [row_of(p, fingerprints=(look,)) for p in pairs]
    split = split_dataset(dataset, audit_of(*rows), tmp_path / "out", Shares(), 0)
    assert [set(leak) for leak in split.leaks] == [{"a", "b"}]
    copy = open_dataset(f"manifest:{tmp_path / 'out'}")
    assert [pair.split for pair in copy.pairs] == ["test", "validation"]


def test_the_commands(data, mild, tmp_path):
    """Two pairs of the sample, really audited: curated, then split."""
    names = ("astronaut", "cafe")
    for role in ("blurry", "sharp"):
        (tmp_path / "own" / role).mkdir(parents=True)
        for pair in mild.pairs:
            if pair.id in names:
                source = getattr(pair, role)
                (tmp_path / "own" / role / f"{pair.id}.png").write_bytes(
                    source.read_bytes()
                )
    (tmp_path / "rules.toml").write_text("most_misalignment_px = 0.9\n")
    arguments = ("--on", "1", "--json")
    result = data(
        "curate", "pairs:own", "--out", "c", "--rules", "rules.toml", *arguments
    )
    rows = json.loads(result.stdout)["pairs"]
    assert [(row["id"], row["verdict"], row["by"]) for row in rows] == [
        (name, "accept", "rule") for name in names
    ]
    split = data("split", "manifest:c", "--out", "s", *arguments)
    document = json.loads(split.stdout)
    assert document["official"] is False
    assert sorted(document["scenes"].values()) == ["test", "train"]
    assert [p.split for p in open_dataset(f"manifest:{tmp_path / 's'}").pairs] == [
        document["scenes"][name] for name in names
    ]


def test_the_help_names_every_rule():
    (option,) = (one for one in curate.command.params if one.name == "rules")
    assert set(Rules.model_fields) <= set(re.findall(r"\w+", option.help))
