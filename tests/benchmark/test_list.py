"""``defocus-bench list``."""

import json

import pytest
from click.testing import CliRunner

from defocus.baselines import size
from defocus.baselines.registry import all_baselines
from defocus.benchmark.commands.list import command

KEYS = [
    "name", "display_name", "kind", "input", "needs", "status", "variant_of", "published_as",
    "parameters", "plugin",
]  # fmt: skip


def test_json(run):
    result = run("defocus-bench", "list", "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == sorted(all_baselines())
    values = {
        "kind": {"reference", "classical", "network", "objective", "generative"},
        "input": {"single", "dual"},
        "status": {"reference", "official", "paper", "reconstruction", "own"},
    }
    for row in rows:
        assert list(row) == KEYS
        assert all(row[key] in facts for key, facts in values.items())
        assert isinstance(row["needs"], list)
        assert isinstance(row["parameters"], int)
    by_name = {row["name"]: row for row in rows}
    assert by_name["input"]["parameters"] == 0
    assert by_name["unet"]["parameters"] == 31_033_411
    assert by_name["jdrl-unet"]["parameters"] == by_name["unet"]["parameters"]
    assert by_name["unet"]["variant_of"] is None
    assert by_name["unet-truth"]["variant_of"] == "unet"


def test_systems_stand_in_groups_with_a_count_and_variants_folded(monkeypatch):
    """No network is built: the package's own systems declare their counts."""
    monkeypatch.setattr(
        size, "parameter_count", lambda system: pytest.fail("built a network")
    )
    result = CliRunner().invoke(command)
    assert result.exit_code == 0, result.output
    header, *lines = result.stdout.splitlines()
    assert header.split() == ["name", "system", "input", "parameters", "variants"]
    systems = all_baselines()
    variants = [name for name, one in systems.items() if one.card.variant_of in systems]
    shown = {
        line.split()[0]: line for line in lines if line and line.split()[0] in systems
    }
    assert set(shown) == set(systems) - set(variants)
    own = sum(systems[name].card.variant_of == "unet" for name in variants)
    assert shown["unet"].split()[-2:] == ["31,033,411", str(own)]
    assert lines[-1] == (
        f"{len(systems)} systems, {len(variants)} of them variants (shown by --variants)"
    )
    references = sum(one.card.kind == "reference" for one in systems.values())
    assert f"references, which restore nothing ({references})" in lines
    all_of_them = CliRunner().invoke(command, ["--variants"]).stdout
    assert all(f"\n{name} " in all_of_them for name in variants)
