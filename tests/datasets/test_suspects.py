"""Sharp members that differ from the others: audit warns, curate rejects where it is sure."""

from dataclasses import replace
from typing import Any

import pytest

from defocus.align.sharp_member.numbers import NUMBERS, SharpMember
from defocus.datasets.audit.pair_audit import AuditedPair
from defocus.datasets.audit.run import Audit, row_document, row_of_document
from defocus.datasets.audit.suspects import of_suspects, suspects
from defocus.datasets.audit.table import COLUMNS, document, row_of
from defocus.datasets.curation_rules import Rules, judged
from defocus.datasets.measuring.session import PairSession

PLAIN = SharpMember(**dict.fromkeys(NUMBERS, 0.0), dark_discs=())
GOOD = AuditedPair(
    "", "", "train", "ok", misalignment_px=0.4, residual_p95_px=0.3, reliable_share=0.9,
    gain_ev=0.1, fine_to_coarse=0.5, blurry_fine_to_coarse=0.2, unexplained_stops=0.01,
    moved_stops=0.01, light_across_ev=0.0, specks=0, blurrier_share=0.0, sharp_member=PLAIN,
)  # fmt: skip
WARM = PairSession("warm", "journal", "a camera", one_change=True, same_focus=True)
COLD = replace(WARM, optics="cold")


def rows(count: int = 12, **odd: Any) -> list[AuditedPair]:
    """Good pairs, and a last one that is odd."""
    good = [replace(GOOD, id=f"p{k}") for k in range(count)]
    return [*good, replace(GOOD, id="odd", **odd)]


def member(**numbers: float) -> SharpMember:
    return replace(PLAIN, **numbers)


def audit_of(pairs: list[AuditedPair]) -> Audit:
    found = suspects(pairs, {})
    return Audit(
        "set",
        "0",
        "dis",
        tuple(pairs),
        (),
        tuple(of_suspects(pairs, found)),
        suspects=found,
    )


def test_an_odd_pair_is_warned_about_and_rejected_where_it_is_sure():
    audit = audit_of(rows(sharp_member=member(bands_ev=0.045)))
    (warning,) = audit.warnings
    assert (warning.id, warning.what) == ("odd", "sharp member")
    assert warning.text.startswith(
        "bands of lamps along the rows, ± 0.04 EV; other pairs have 0.00"
    )
    assert all(one.verdict == "accept" for one in judged(audit, Rules()))
    sure = audit_of(rows(sharp_member=member(bands_ev=0.2)))
    *others, last = judged(sure, Rules())
    assert {one.verdict for one in others} == {"accept"}
    assert last.verdict == "reject"
    assert "(suspicion 6.7, at most 2 is allowed)" in last.reason
    assert all(
        one.verdict == "accept" for one in judged(sure, Rules(most_suspicion=None))
    )
    assert document(sure, None)["suspects"]["odd"][0]["number"] == "bands_ev"


def test_what_a_compensation_mends_is_no_reason_to_reject():
    audit = audit_of(rows(gain_ev=1.0, sharp_member=member(red_ev=0.6)))
    assert {one.number for one in audit.suspects["odd"]} == {"gain_ev", "red_ev"}
    assert all(
        one.verdict == "accept" for one in judged(audit, Rules(most_gain_ev=None))
    )


def test_dust_on_the_sensor_is_a_warning_on_each_pair_that_shows_it():
    scenes = [((0.1 * k, 0.5), (0.1 * k, 0.6)) for k in range(8)]
    discs = [((0.31, 0.2), *scene) for scene in scenes[:6]] + scenes[6:]
    pairs = [
        replace(row, sharp_member=replace(PLAIN, dark_discs=own))
        for row, own in zip(rows(7), discs, strict=True)
    ]
    audit = audit_of(pairs)
    assert [one.id for one in audit.warnings] == [f"p{k}" for k in range(6)]
    assert audit.warnings[0].text.startswith(
        "dust, small dark discs (1) that stay at their pixel in other pairs"
    )
    assert all(one.verdict == "accept" for one in judged(audit, Rules()))


def test_the_most_suspicious_pair_comes_first():
    pairs = rows(sharp_member=member(bands_ev=0.1))
    pairs.append(replace(GOOD, id="worse", sharp_member=member(bands_ev=0.3)))
    assert [one.id for one in audit_of(pairs).warnings] == ["worse", "odd"]


def test_a_session_is_judged_by_itself():
    """Two cameras with another white balance each make no suspects, and no session hides one."""
    warm = [
        replace(GOOD, id=f"w{k}", sharp_member=member(red_ev=0.5)) for k in range(10)
    ]
    cold = [
        replace(GOOD, id=f"c{k}", sharp_member=member(red_ev=-0.5)) for k in range(10)
    ]
    session_of = {row.id: WARM for row in warm} | {row.id: COLD for row in cold}
    assert suspects([*warm, *cold], session_of) == {}
    alien = replace(warm[0], id="c-alien")
    found = suspects([*warm, *cold, alien], session_of | {"c-alien": COLD})
    assert set(found) == {"c-alien"}
    few = {row.id: WARM for row in warm[:3]}
    assert suspects(warm, few) == {}, "three pairs are judged with the rest"


@pytest.mark.parametrize(
    ("number", "state"),
    [
        ("bands_ev", {"same_picture": True}),
        ("dark_stops", {"fine_to_coarse": 0.1}),
        ("bands_ev", {"status": "unknown", "unexplained_stops": None}),
    ],
)
def test_what_is_wrong_otherwise_is_not_compared(number, state):
    odd = member(**{number: 0.3})
    assert suspects(rows(sharp_member=odd, **state), {}) == {}


def test_what_is_said_of_a_pair_by_itself_is_not_said_twice():
    pairs = rows(moved_stops=0.6, unexplained_stops=0.6)
    audit = audit_of(pairs)
    assert [one.number for one in audit.suspects["odd"]] == ["moved_stops"]
    assert audit.warnings == ()
    assert pairs[-1].causes


def test_the_numbers_are_kept_with_the_row_and_are_columns():
    row = rows(
        sharp_member=replace(member(smear=0.7, smear_px=3.0), dark_discs=((0.5, 0.25),))
    )[-1]
    assert row_of_document(row_document(row)) == row
    cells = row_of(row)
    assert tuple(cells) == COLUMNS
    assert (cells["smear"], cells["smear_px"], cells["bands_ev"]) == (0.7, 3.0, 0.0)
    assert row_of(replace(row, sharp_member=None))["smear"] is None
    broken = row_document(row)
    broken["sharp_member"]["smear"] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        row_of_document(broken)


def test_motion_and_light_are_named_where_the_sharp_member_is_the_less_sharp_one():
    """Detail is not: the two may be swapped, and then all is the other way round."""
    blurrier = {"fine_to_coarse": 0.1, "blurry_fine_to_coarse": 0.2}
    odd = member(smear=0.9, corner_ev=1.2, elsewhere_share=0.9, dark_stops=0.5)
    covered, moved = suspects(rows(sharp_member=odd, **blurrier), {})["odd"]
    assert covered.fault == "something covers a corner, 1.20 EV"
    assert moved.fault == "motion or a double image, 90% alike"


@pytest.mark.parametrize(("tilt_ev", "said"), [(0.03, 0), (0.14, 1), (0.4, 0)])
def test_light_that_changed_across_a_picture_is_said_once(tilt_ev, said):
    """Above the limit of every pair it is said in words of its own."""
    (*_, odd) = pairs = rows(light_across_ev=tilt_ev)
    texts = [warning.text for warning in audit_of(pairs).warnings]
    assert len(texts) == said
    assert any("light changed across" in text for text in (*texts, *odd.causes)) == (
        tilt_ev > 0.1
    )
