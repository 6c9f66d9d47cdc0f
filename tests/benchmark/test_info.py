"""``list NAME`` and the measured columns of ``list``."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from defocus.baselines.registry import all_baselines, baseline, readme
from defocus.benchmark.cost.counting import bf16_difference, measure_system


def test_a_system_is_described_by_readme_card_and_recipe(run):
    result = run("defocus-bench", "list", "unet-prealigned")
    assert result.returncode == 0
    for words in ("U-Net of JDRL", "31,033,411", "prealigned", "all rights reserved"):
        assert words in result.stdout
    assert "name adam, betas 0.9 and 0.999" in result.stdout
    training = result.stdout.partition("training:")[2]
    assert training.strip()
    assert "{" not in training
    assert "null" not in training
    facts = json.loads(run("defocus-bench", "list", "wiener", "--json").stdout)
    assert (facts["name"], facts["recipe"], facts["parameters"]) == ("wiener", None, 0)
    assert facts["readme"].startswith("# ")


def test_a_variant_has_the_readme_of_its_system_and_a_plugin_its_card():
    assert readme(baseline("unet-truth")) == readme(baseline("unet"))
    assert readme(baseline("jdrl-unet")) != readme(baseline("unet"))
    plugin = replace(baseline("input"), build=nn.Identity)
    plugin = replace(plugin, card=replace(plugin.card, name="plug-in"))
    assert "no method: the blurry picture" in readme(plugin)


@pytest.mark.parametrize("name", sorted(all_baselines()))
def test_every_system_of_ours_has_a_readme(name):
    assert len(readme(baseline(name))) > 150


@pytest.mark.full
def test_a_system_is_measured():
    cost = measure_system(baseline("gkmnet"), torch.device("cpu"), side_px=64)
    assert cost.seconds > 0
    assert 1 < cost.peak_mib < 200
    assert 0 < cost.bf16_difference < 0.05


def test_what_has_no_bf16_says_none():
    class Refuses(nn.Module):
        def forward(self, blurry: torch.Tensor) -> torch.Tensor:
            if torch.is_autocast_enabled("cpu"):
                raise RuntimeError("not implemented for 'BFloat16'")
            return blurry

    assert bf16_difference(Refuses(), torch.rand(1, 3, 4, 4)) is None
