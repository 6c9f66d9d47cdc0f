"""Sessions become one dataset, and what is odd about its scenes and splits is said."""

import numpy as np

from defocus.datasets.deriving.import_session import import_sessions
from defocus.datasets.manifest import read_manifest
from defocus.errors import DatasetError, InputError
from defocus.pictures.write import write_image
from tests.capture.card import scene_picture
from tests.capture.raw_sessions import write_session


def shot_session(root, *views: int):
    """A session of one scene, ``desk``, whose pairs show these views."""
    root.parent.mkdir(exist_ok=True)
    pairs = []
    for view in views:
        path = root.parent / f"view{view}.png"
        write_image(path, np.asarray(scene_picture(view).resize((96, 64))))
        pairs.append(dict.fromkeys(("blurry", "sharp"), path))
    write_session(root, pairs)
    return root


def test_several_sessions_become_one_dataset(tmp_path, refused):
    sessions = [
        shot_session(tmp_path / day / "S", view)
        for day, view in (("mon", 1), ("tue", 2))
    ]
    imported = import_sessions(sessions, tmp_path / "data")
    assert [pair.id for pair in imported.pairs] == ["s-1_0001_desk", "s-2_0001_desk"]
    assert {pair.scene for pair in imported.pairs} == {"desk"}, (
        "named alike by a person"
    )
    assert len(read_manifest(tmp_path / "data").pairs) == 2
    assert import_sessions(sessions, tmp_path / "data").pairs == imported.pairs, (
        "it goes on"
    )
    with refused(DatasetError):
        import_sessions(sessions[:1], tmp_path / "data")
    with refused(InputError):
        import_sessions([sessions[0], sessions[0]], tmp_path / "other")


def test_many_views_of_a_scene_and_an_empty_split_are_warnings(data, tmp_path):
    shot_session(tmp_path / "alike", 1, 1)
    shot_session(tmp_path / "unlike", 1, 2, 3)
    result = data("import", "unlike", "--out", "one")
    assert "warning: scene desk: 3 pairs of 3 different views" in result.stderr
    assert "warning: one scene cannot be split, so it is for testing" in result.stderr
    assert "3 pairs (0 train, 0 validation, 3 test)" in result.stdout
    result = data("import", "alike", "--out", "two", code=None)
    assert "different views" not in result.stderr
    result = data("import", "--out", "none", code=2)
