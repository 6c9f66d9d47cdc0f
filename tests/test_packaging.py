"""What is built: every package of the source is in the wheel."""

import importlib.util
import json
import re
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def test_every_package_is_named_for_the_wheel() -> None:
    """A folder that setup.py forgets is missing where the package is installed."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    named = {
        word
        for line in re.findall(r"^(?:OWN|STAGES) = \(([^)]*)\)", text, re.MULTILINE)
        for word in re.findall(r'"(\w+)"', line)
    }
    there = {path.parent.name for path in (ROOT / "defocus").glob("*/__init__.py")}
    stages = {"capture", "align", "datasets", "benchmark", "baselines", "reports"}
    assert named == there | stages


def test_the_lowest_versions_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = {
        f"{one.name}=={bound.version}"
        for one in map(Requirement, project["dependencies"])
        for bound in one.specifier
        if bound.operator == ">="
    }
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if not line.startswith("#")} == allowed


def test_the_conda_recipe_needs_what_the_wheel_needs() -> None:
    """The same packages from the same versions on, the same commands, the same version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = yaml.safe_load((ROOT / ".ci" / "recipe.yaml").read_text(encoding="utf-8"))
    renamed = {
        "torch": "pytorch",
        "opencv-python-headless": "py-opencv",
        "typst": "typst-py",
        "matplotlib": "matplotlib-base",
    }
    needed = {f"python {project['requires-python']}"}
    for one in map(Requirement, project["dependencies"]):
        (lowest,) = (bound.version for bound in one.specifier if bound.operator == ">=")
        release = ".".join(lowest.split(".")[:3])  # a fourth part is of a wheel alone
        needed.add(f"{renamed.get(one.name, one.name)} >={release}")
    named = set(recipe["requirements"]["run"])
    assert needed - named == {"gphoto2 >=2.6.4"}  # conda-forge has none
    assert named < needed
    commands = {f"{name} = {target}" for name, target in project["scripts"].items()}
    assert set(recipe["build"]["python"]["entry_points"]) == commands
    assert recipe["context"]["version"] == project["version"]
    assert recipe["about"]["summary"] == project["description"]


@pytest.mark.skipif(
    importlib.util.find_spec("cyclonedx_py") is None,
    reason="needs cyclonedx-bom, which 'defocus[test]' installs",
)
def test_the_list_of_parts_has_an_environments_packages(tmp_path: Path) -> None:
    environment, made = tmp_path / "environment", tmp_path / "sbom.json"
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    for name, more in (("lens", "Requires-Dist: glass>=1\n"), ("glass", "")):
        facts = packages / f"{name}-1.5.dist-info"
        facts.mkdir()
        said = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\nLicense-Expression: MIT\n{more}"
        (facts / "METADATA").write_text(said, encoding="utf-8")
    command = ["bash", ROOT / ".ci" / "sbom", environment / "bin" / "python", made]
    subprocess.run(command, check=True)
    found = json.loads(made.read_text(encoding="utf-8"))
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["purl"] for one in found["components"]] == [
        "pkg:pypi/glass@1.5",
        "pkg:pypi/lens@1.5",
    ]
    needs = {one["ref"]: one.get("dependsOn") for one in found["dependencies"]}
    assert needs["lens==1.5"] == ["glass==1.5"]
