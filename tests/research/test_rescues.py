"""What helps unknown pairs is counted on pairs that are rendered so."""

import numpy as np

from defocus.align.registration.register import register
from research.alignment_truth import rescues


def test_what_helps_is_counted(monkeypatch, capsys):
    bricks = [kind for kind in rescues._kinds() if kind.name == "equal bricks"]
    monkeypatch.setattr(rescues, "_kinds", lambda: bricks)
    monkeypatch.setattr(rescues, "ENOUGH", 1)
    rescues.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "equal bricks: 1 of 1 unknown"
    assert lines[-1].startswith("  largest shift: 1 answered, 0 wrong, by 0.0")
    assert "  translation: 0 answered, 0 wrong" in lines


def test_a_largest_shift_below_the_way_of_a_corner_loses_a_right_pair():
    """A zoom moves the corners although the centre stays, and the mean less than a corner."""
    kind = next(one for one in rescues._kinds() if one.name == "little texture")
    assert kind.better is not None
    pair = kind.better[1](0)
    mean = float(np.hypot(*pair.flow).mean())
    registration = register(pair.blurry, pair.sharp, largest_px=pair.reach_px)
    assert pair.error_px(registration) < 0.3
    assert mean < pair.reach_px - 1.5
    lost = register(pair.blurry, pair.sharp, largest_px=pair.reach_px - 1.5)
    assert lost.matrix is None
