"""What a training watches at each validation, and what an extra adds to it."""

import pytest
import torch

import defocus.extras
from defocus.benchmark.study.validation import (
    AddedWatch,
    Watch,
    added_watches,
    watching_of,
)
from defocus.errors import RegistryError
from defocus.training.method import Training

COLOUR = """
from defocus.benchmark.study.validation import AddedWatch, Watch


def watch(card, dataset, estimator, device):
    return Watch(lambda network: 7.0, lambda: 5.0, words)


def words(scores):
    return f"colour {scores['validation_colour']:.0f}"


COLOUR = AddedWatch("validation_colour", watch)
"""


@pytest.fixture
def watches(tmp_path, monkeypatch):
    """The watches of the only extra, by their file names."""
    monkeypatch.setattr(defocus.extras, "__path__", [str(tmp_path)])
    folder = tmp_path / "mine" / "watches"
    folder.mkdir(parents=True)
    (folder / "colour.py").write_text(COLOUR)
    return folder


def test_a_file_of_an_extra_adds_a_score_and_its_words(watches):
    (added,) = added_watches()
    own = Watch(lambda _: 30.0, lambda: 28.5)
    both = {"validation": own, added.name: added.watch(None, None, None, None)}
    watching = watching_of(Training(validations=1), both, 10)
    scores = watching.scores_of(torch.nn.Identity())
    assert scores == {
        "validation": 30.0,
        "validation_colour": 7.0,
        "validation_gain": 1.5,
        "validation_colour_gain": 2.0,
    }
    line = "validation 30.00 dB, +1.50 dB beside the input; colour 7"
    assert watching.described(scores) == line
    assert watching.chosen_by == "validation"


def test_the_score_of_a_split_cannot_be_taken_over(watches, refused, capsys):
    with refused(RegistryError):
        AddedWatch("validation", lambda *_: None)
    taken = COLOUR.replace('"validation_colour", watch', '"test", watch')
    (watches / "colour.py").rename(watches / "split.py").write_text(taken)
    assert added_watches() == []
    assert "watch 'test' has the name of a split's score" in capsys.readouterr().err
