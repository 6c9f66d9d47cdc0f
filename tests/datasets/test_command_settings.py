"""Options that contradict each other are refused by the settings of a command, before any work."""

import pytest
from pydantic import ValidationError

from defocus.datasets.commands import _settings as settings
from defocus.errors import InputError


@pytest.mark.parametrize(
    ("command", "typed", "words"),
    [
        ("Align", {"record": "r.json", "evidence": "e", "out": "o"}, "--out only"),
        ("Align", {"record": "r.json"}, "--out only"),
        ("Align", {"session": "s", "rig_file": "r"}, "pairs of one camera"),
        ("Align", {"session": "s", "at_most": "translation"}, "leave one of them out"),
        ("Align", {"scale": 0.5}, "need --out"),
        ("Sidecar", {}, "give --out for a new sidecar"),
        ("Sidecar", {"out": "o", "folder": "f"}, "give --out for a new sidecar"),
        ("Sidecar", {"folder": "f", "name": "n"}, "the sidecar holds its settings"),
        ("Audit", {"limit_px": "-1px"}, "a length is 0px or more"),
    ],
)
def test_options_that_contradict_each_other_are_refused(command, typed, words):
    with pytest.raises(ValidationError, match=words):
        getattr(settings, f"{command}Settings")(**typed)


def test_what_is_typed_of_a_release_is_kept():
    assert settings.AlignSettings(out="o", scale=0.5).release == {"scale": 0.5}
    assert settings.AlignSettings(flow_weights="w.pth").flow == "pwcnet"
    assert settings.AuditSettings(limit_px="1.5px").limit_px == 1.5


@pytest.mark.parametrize("command", ["Align", "Audit"])
def test_an_unknown_estimator_is_refused_before_a_dataset_is_opened(command, refused):
    with refused(InputError):
        getattr(settings, f"{command}Settings")(estimator="foo")
