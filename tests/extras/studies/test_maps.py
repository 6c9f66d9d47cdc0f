"""``defocus-bench studies maps``: the error of maps, against one that is known."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from defocus.datasets import api
from defocus.datasets.pair import Dataset, Pair
from defocus.errors import NotApplicableError
from defocus.extras.studies import map_quality
from defocus.extras.studies.map_quality import map_error
from defocus.extras.studies.study_commands.maps import command
from defocus.pictures.values import as_integer
from defocus.pictures.write import write_image


class Constant(nn.Module):
    """A map of 3 px."""

    def outputs(self, blurry: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"defocus_map": torch.full_like(blurry[:, :1], 3.0)}


def opened(monkeypatch: pytest.MonkeyPatch, *pairs: Pair) -> None:
    root = pairs[0].blurry.parent
    dataset = Dataset("maps:a", root, pairs, "0" * 64, root / "derived")
    monkeypatch.setattr(api, "open_dataset", lambda _, damaged: dataset)


@pytest.fixture
def pair(tmp_path):
    """Two grey halves; 5 px of blur in front of the focus plane, 3 px at the left."""
    picture = np.full((32, 40, 3), 0.2)
    picture[:, 20:] = 0.8
    write_image(tmp_path / "blurry.png", as_integer(picture, 8))
    true = np.full((32, 40), -5.0, np.float32)
    true[:, :10] = 3.0
    np.save(tmp_path / "map.npy", true)
    return Pair(
        id="a",
        scene="a",
        split="test",
        blurry=tmp_path / "blurry.png",
        sharp=None,
        defocus_map=tmp_path / "map.npy",
    )


def test_the_error_is_that_of_the_diameter_whatever_its_sign(pair):
    error = map_error(Constant(), pair)
    assert error.everywhere == 1.5
    assert error.edges == 2.0


def test_the_command_lists_every_system_and_pair(pair, monkeypatch, capfd):
    opened(monkeypatch, pair, pair)
    result = CliRunner().invoke(command, ["--json"])
    assert result.exit_code == 0, result.output
    rows = json.loads(capfd.readouterr().out)  # written past click, to the real stdout
    assert [row["name"] for row in rows] == [
        "ebdb",
        "ebdb",
        "jnb",
        "jnb",
        "tvl2-2016",
        "tvl2-2016",
    ]
    assert all(0 <= row["everywhere"] < 20 for row in rows)


def test_a_pair_that_cannot_be_read_is_listed(pair, tmp_path, monkeypatch, capfd):
    (tmp_path / "cut.png").write_bytes(pair.blurry.read_bytes()[:60])
    opened(monkeypatch, pair, replace(pair, id="b", blurry=tmp_path / "cut.png"))
    monkeypatch.setattr(map_quality, "SYSTEMS", ("jnb",))
    result = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    assert result.return_value == 1
    measured, lacking = json.loads(capfd.readouterr().out)
    assert (measured["pair"], lacking["pair"]) == ("a", "b")
    assert lacking["left_out"].startswith("cut.png: ")
    assert "pair b is left out: cut.png: " in result.output


def test_the_table_has_heads_units_and_means(pair, monkeypatch, capsys):
    opened(monkeypatch, pair)
    monkeypatch.setattr(map_quality, "SYSTEMS", ("jnb",))
    command.main([], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    head = next(n for n, line in enumerate(lines) if "Everywhere" in line)
    assert lines[head].split() == ["Everywhere", "At", "edges"]
    assert lines[head + 1].split() == ["System", "Picture", "(px)", "↓", "(px)", "↓"]
    one, mean = (line.split() for line in lines[head + 3 : head + 5])
    assert (one[:2], mean[:2]) == (["jnb", pair.id], ["jnb", "mean"])
    assert one[2:] == mean[2:]


def test_pairs_without_maps_are_refused(pair, monkeypatch):
    without = replace(pair, defocus_map=None)
    opened(monkeypatch, without)
    result = CliRunner().invoke(command, [])
    assert isinstance(result.exception, NotApplicableError)
    assert str(result.exception).endswith(": no test pairs with true defocus maps")
