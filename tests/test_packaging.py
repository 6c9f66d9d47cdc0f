"""What is built: every package of the source is in the wheel."""

import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from defocus.storage.files import sha256_file
from tests.test_frame import STAGES

ROOT = Path(__file__).parents[1]


def test_every_package_is_named_for_the_wheel():
    """A folder that setup.py forgets is missing where the package is installed."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    named = {
        word
        for line in re.findall(r"^(?:OWN|STAGES) = \(([^)]*)\)", text, re.MULTILINE)
        for word in re.findall(r'"(\w+)"', line)
    }
    there = {path.parent.name for path in (ROOT / "defocus").glob("*/__init__.py")}
    assert named == there | {*STAGES}


PACKAGED = (*STAGES, "defocus")
ALWAYS = ("setup.py", "pyproject.toml", "README.md", "LICENSE")
MOST_BYTES = 45_000_000


@pytest.mark.full
def test_two_wheels_of_one_commit_are_the_same_bytes(tmp_path):
    """Two checkouts: other times, other rights, files written in another order."""
    packed = {ROOT / name for name in ALWAYS}
    for folder in PACKAGED:
        paths = (
            path
            for path in (ROOT / folder).rglob("*")
            if "__pycache__" not in path.parts
        )
        packed |= {path for path in paths if path.is_file()}
    wheels = [
        _wheel_of(sorted(packed, reverse=last), tmp_path / name, mode, age)
        for name, last, mode, age in (
            ("one", False, 0o644, 0),
            ("other", True, 0o600, 40_000),
        )
    ]
    assert wheels[0].name == wheels[1].name
    assert sha256_file(wheels[0]) == sha256_file(wheels[1])
    assert wheels[0].stat().st_size <= MOST_BYTES
    with zipfile.ZipFile(wheels[0]) as archive:
        assert archive.read("defocus/commit.txt") == b"0" * 40 + b"\n"
        assert len(archive.namelist()) > len(packed) - len(ALWAYS)


def _wheel_of(paths: Sequence[Path], checkout: Path, mode: int, age: int) -> Path:
    """Build from a copy of these files, without the network."""
    (checkout / ".git").mkdir(parents=True)
    (checkout / ".git" / "HEAD").write_text("0" * 40, encoding="utf-8")
    for path in paths:
        copy = checkout / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(mode)
        os.utime(copy, (1_700_000_000 + age,) * 2)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        "dist",
        ".",
    ]
    plain = {
        name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"
    }
    seeded = {**plain, "PYTHONHASHSEED": str(age % 7)}
    result = subprocess.run(
        command, cwd=checkout, env=seeded, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = (checkout / "dist").glob("*.whl")
    return wheel


def test_the_lowest_versions_are_those_that_are_allowed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    allowed = {
        f"{one.name}=={bound.version}"
        for one in map(Requirement, project["dependencies"])
        for bound in one.specifier
        if bound.operator == ">="
    }
    lines = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if not line.startswith("#")} == allowed


def packages_of(paths: Iterable[Path]) -> set[tuple[str, str]]:
    """What files import from packages, each with a package that brings it."""
    imports = re.compile(r"^ *(?:from (\w+)[\w.]* import|import (\w+))", re.MULTILINE)
    names = {
        "".join(name)
        for path in paths
        for name in imports.findall(path.read_text("utf-8"))
    }
    folders = importlib.metadata.packages_distributions()
    return {
        (name, one.lower().replace("_", "-"))
        for name in names
        & folders.keys() - {"defocus", "datasets", "webdataset"}  # in texts
        for one in folders[name]
    }


COME_WITH = {"markupsafe": "jinja2", "pydantic-core": "pydantic", "triton": "torch"}


def test_what_the_core_imports_is_a_dependency_and_each_dependency_is_imported():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    hard = {Requirement(one).name for one in project["dependencies"]}
    others = {
        Requirement(one).name
        for extra in ("cluster", "heif", "slurm", "tensorboard", "iqa", "parquet")
        for one in project["optional-dependencies"][extra]
    }
    core = {*STAGES, "defocus"} - {"extras"}
    packages = packages_of(
        path for folder in core for path in (ROOT / folder).rglob("*.py")
    )
    missing = {
        (n, one) for n, one in packages if COME_WITH.get(one, one) not in hard | others
    }
    assert missing == set()
    assert hard - {one for _, one in packages} == set()


def test_what_the_tests_import_is_named():
    """What only comes with another package may be gone with that one's next version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    groups = (project["dependencies"], *project["optional-dependencies"].values())
    named = {
        canonicalize_name(Requirement(one).name) for group in groups for one in group
    }
    packages = packages_of((ROOT / "tests").rglob("*.py"))
    assert {
        (n, one) for n, one in packages if COME_WITH.get(one, one) not in named
    } == set()


def test_the_conda_recipe_needs_what_the_wheel_needs():
    """The same packages from the same versions on, the same commands, the same version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    recipe = yaml.safe_load((ROOT / ".ci" / "recipe.yaml").read_text(encoding="utf-8"))
    renamed = {
        "torch": "pytorch",
        "opencv-python-headless": "py-opencv",
        "typst": "typst-py",
        "isal": "python-isal",
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


def test_workflows_name_what_is_there_and_publish_without_a_token():
    texts = {
        path.stem: path.read_text("utf-8")
        for path in (ROOT / ".github/workflows").iterdir()
    }
    check, release = (
        yaml.safe_load(texts[name])["jobs"] for name in ("check", "release")
    )
    matrix = check["versions"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    extras = {path.parent.name for path in ROOT.glob("extras/*/__init__.py")}
    # fewer in a copy
    assert set(check["without"]["strategy"]["matrix"]["extra"]) >= extras
    named = set(
        re.findall(r"(?<![\w/])(?:tests/\w+|\.ci/[\w.]+)", "".join(texts.values()))
    )
    assert named >= {".ci/run", ".ci/sbom", ".ci/lowest.txt", "tests/align"}
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert release["publish"]["permissions"] == {"id-token": "write"}
    assert release["publish"]["needs"] == release["attest"]["needs"] == "build"
    assert all(
        "secrets" not in text and "contents: read" in text for text in texts.values()
    )


def test_actions_are_pinned_by_the_hash_of_a_release():
    for path in (ROOT / ".github/workflows").iterdir():
        for line in re.findall(r"uses: (.*)", path.read_text("utf-8")):
            action, _, release = line.partition("  # ")
            pinned = re.fullmatch(
                r"[\w./-]+@[0-9a-f]{40}", action
            ) and release.startswith("v")
            assert pinned, line
    dependabot = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text("utf-8"))
    assert [one["package-ecosystem"] for one in dependabot["updates"]] == [
        "github-actions"
    ]


def test_packages_for_darktable_are_files_of_the_release():
    """darktable looks for versions.json among the files of a release, not among artifacts."""
    release = yaml.safe_load(
        (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    )
    models = release["jobs"]["models"]
    assert models["permissions"] == {"contents": "write"}
    upload = models["steps"][-1]["run"].splitlines()[-1].split()
    assert upload[:3] == ["gh", "release", "upload"]
    assert upload[-2:] == ["darktable/versions.json", "darktable/*.dtmodel"]


def test_citation_and_codemeta_say_what_the_project_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    codemeta = json.loads((ROOT / "codemeta.json").read_text("utf-8"))
    assert citation["version"] == codemeta["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert codemeta["license"].endswith(f"/{project['license']}")
    assert citation["keywords"] == codemeta["keywords"] == project["keywords"]
    assert codemeta["description"] == project["description"]
    assert codemeta["softwareRequirements"] == project["dependencies"]
    (authors,) = citation["authors"]
    assert codemeta["author"] == [{"@type": "Organization", **authors}]


def test_every_place_names_the_pythons_that_were_run():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    classifiers = "\n".join(project["classifiers"])
    *earlier, last = re.findall(r"Python :: (3\.\d+)$", classifiers, re.MULTILINE)
    codemeta = json.loads((ROOT / "codemeta.json").read_text("utf-8"))
    assert codemeta["runtimePlatform"] == [
        f"CPython {version}" for version in (*earlier, last)
    ]
    words = f"{', '.join(earlier)} and {last}"
    assert f"{words} were run" in (ROOT / "README.md").read_text("utf-8")
    assert f"CPython {words}" in (ROOT / "paper.md").read_text("utf-8")


def test_forms_and_paper_are_complete():
    for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text("utf-8"))
        if path.stem != "config":
            assert {"name", "description", "body"} <= set(form), path
            assert all(field["attributes"]["label"] for field in form["body"])
    paper = (ROOT / "paper.md").read_text("utf-8")
    cited = set(re.findall(r"@(\w+)", paper))
    entries = set(
        re.findall(
            r"^@\w+\{(\w+),", (ROOT / "paper.bib").read_text("utf-8"), re.MULTILINE
        )
    )
    assert cited == entries


@pytest.mark.full
@pytest.mark.skipif(
    importlib.util.find_spec("cyclonedx_py") is None,
    reason="needs cyclonedx-bom, which 'defocus[test]' installs",
)
def test_the_list_of_parts_has_an_environments_packages(tmp_path):
    environment, listing = tmp_path / "environment", tmp_path / "sbom.json"
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    for name, more in (("lens", "Requires-Dist: glass>=1\n"), ("glass", "")):
        facts = packages / f"{name}-1.5.dist-info"
        facts.mkdir()
        said = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\nLicense-Expression: MIT\n{more}"
        (facts / "METADATA").write_text(said, encoding="utf-8")
    command = ["bash", ROOT / ".ci" / "sbom", environment / "bin" / "python", listing]
    subprocess.run(command, check=True)
    document = json.loads(listing.read_text(encoding="utf-8"))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["purl"] for one in document["components"]] == [
        "pkg:pypi/glass@1.5",
        "pkg:pypi/lens@1.5",
    ]
    needs = {one["ref"]: one.get("dependsOn") for one in document["dependencies"]}
    assert needs["lens==1.5"] == ["glass==1.5"]
