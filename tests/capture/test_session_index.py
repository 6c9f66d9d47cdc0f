"""``session.json`` is compared with the journal when a session is checked."""

import json
from pathlib import Path

import numpy as np
import pytest

from defocus.capture.sessions.checking import check_session
from defocus.images import write_image
from tests.capture.raw_sessions import write_session


def test_what_the_journal_does_not_say_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / "p.png", np.full((6, 8, 3), 90, np.uint8))
    write_session(tmp_path / "s", [dict.fromkeys(("blurry", "sharp"), tmp_path / "p.png")])
    index = tmp_path / "s" / "session.json"
    good = index.read_text()
    assert check_session(tmp_path / "s").ok
    assert capsys.readouterr().err == ""
    document = json.loads(good)
    for content, words in (
        ("{", "damaged"),
        ("[]", "damaged"),
        (json.dumps({**document, "id": "other"}), "'id' is not what the journal says"),
        (json.dumps({**document, "pairs": {}}), "'pairs' is not what the journal says"),
        (None, "missing"),
    ):
        index.unlink() if content is None else index.write_text(content)
        assert check_session(tmp_path / "s").ok  # the pairs are those of the journal
        told = capsys.readouterr().err
        assert words in told
        assert "--fix-index" in told
