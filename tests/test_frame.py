"""The frame itself: layout, packaging, import contracts, documentation."""

import ast
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from defocus.command_line.verbs import find_verbs

ROOT = Path(__file__).parents[1]
STAGES = (
    "capture", "align", "datasets", "baselines", "restoration", "benchmark", "reports", "extras",
)  # fmt: skip
REQUIRED = {
    "torch", "numpy", "opencv-python-headless", "rawpy", "gphoto2", "pandas", "h5py", "lpips",
    "click", "matplotlib",
}  # fmt: skip


def project() -> dict[str, object]:
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())[
        "project"
    ]
    return table


def test_the_required_folders_and_links_exist():
    for stage in (*STAGES, "tests"):
        assert (ROOT / stage).is_dir()
    for stage in STAGES:
        assert (ROOT / "defocus" / stage).resolve() == ROOT / stage


def test_the_required_packages_have_lower_bounds():
    dependencies = project()["dependencies"]
    names = {re.split(r"[><=;\[ ]", text)[0] for text in dependencies}
    assert names >= REQUIRED
    assert all(">=" in text for text in dependencies)
    assert project()["license"] == "MIT"
    assert set(project()["optional-dependencies"]) == {  # type: ignore[call-overload]
        "cluster", "docs", "export", "heif", "iqa", "labs", "pages", "parquet", "publish",
        "slurm", "tensorboard",
        "test",
    }  # fmt: skip


def test_our_datasets_folder_is_not_importable_as_datasets():
    assert not (ROOT / "datasets" / "__init__.py").exists()
    spec = importlib.util.find_spec("datasets")
    assert spec is None or spec.origin is None or not spec.origin.startswith(str(ROOT))


def test_the_installed_version_is_the_packages_version():
    import defocus

    assert project()["version"] == defocus.__version__
    try:
        assert importlib.metadata.version("defocus") == defocus.__version__
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("running from an uninstalled checkout")


def test_every_folder_of_modules_is_a_package():
    """Without ``__init__.py`` the import contracts do not see what is in it."""
    rooms = [ROOT / stage for stage in (*STAGES, "extras", "defocus", "research")]
    folders = {path.parent for room in rooms for path in room.rglob("*.py")}
    bare = {one for one in folders if not (one / "__init__.py").exists()}
    assert bare <= {ROOT / "datasets", ROOT / "defocus" / "datasets"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts against a copy laid out as the installed package."""
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed: pip install '.[test]'")
    return subprocess.run(
        [program, "--config", "pyproject.toml", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def laid_out(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "defocus", tmp_path / "defocus", ignore=ignore)
    return tmp_path


@pytest.mark.full
def test_imports_point_downward(laid_out):
    result = lint_imports(laid_out)
    assert result.returncode == 0, result.stdout


@pytest.mark.full
@pytest.mark.parametrize(
    ("place", "statement"),
    [
        ("align", "import defocus.capture"),
        ("reports", "from defocus.benchmark import commands"),
        ("capture", "import defocus.baselines"),
        ("baselines", "import defocus.datasets.pair"),
        ("restoration", "import defocus.benchmark.revisions"),
    ],
)
def test_a_planted_upward_import_is_refused(laid_out, place, statement):
    (laid_out / "defocus" / place / "planted.py").write_text(f"{statement}\n")
    result = lint_imports(laid_out)
    assert result.returncode != 0
    assert "planted" in result.stdout


@pytest.mark.full
def test_a_planted_circle_inside_a_folder_is_found(laid_out):
    """Also where one of the two imports is inside a function."""
    folder = laid_out / "defocus" / "benchmark" / "results"
    (folder / "planted.py").write_text(
        "from defocus.benchmark.results import planted_too\n"
    )
    (folder / "planted_too.py").write_text(
        "def late() -> None:\n    from defocus.benchmark.results import planted\n"
    )
    result = lint_imports(laid_out)
    assert result.returncode != 0
    assert "No cycles are allowed in defocus.benchmark.results" in result.stdout


def test_no_module_imports_itself_by_way_of_others():
    """Over all folders, late imports included, those for type checkers left out."""
    grimp = pytest.importorskip("grimp", reason="import-linter is not installed")
    graph = grimp.build_graph(
        "defocus",
        "defocus.datasets",
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    imports = {
        module: graph.find_modules_directly_imported_by(module)
        for module in graph.modules
        if module != "defocus"  # imports its face when a name of it is used
    }
    assert not circles(imports)
    planted = {**imports, "a": {"b"}, "b": {"a"}}
    assert circles(planted) == [{"a", "b"}]


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Modules left after those that import none of the rest, and those that none imports, go."""
    rest = {
        module: {one for one in names if one in imports}
        for module, names in imports.items()
    }
    while ends := {
        module
        for module, names in rest.items()
        if not names or not any(module in others for others in rest.values())
    }:
        rest = {m: names - ends for m, names in rest.items() if m not in ends}
    return [set(rest)] if rest else []


def code_files() -> list[Path]:
    return [
        path for stage in ("defocus", *STAGES) for path in (ROOT / stage).rglob("*.py")
    ]


def classes_defined_twice(paths: list[Path]) -> dict[str, list[str]]:
    """Public classes at the top level of several files, with these files."""
    places: dict[str, list[str]] = {}
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path))
    return {name: files for name, files in places.items() if len(files) > 1}


@pytest.mark.full
def test_no_public_class_name_is_defined_twice(tmp_path):
    """A system's parts have the names of its paper and are seen in its folder alone."""
    systems = {ROOT / "baselines" / "systems", *ROOT.glob("extras/*/baselines")}
    paths = [path for path in code_files() if systems.isdisjoint(path.parents)]
    twice = classes_defined_twice([path for path in paths if path.resolve() == path])
    assert set(twice) == {"Dataset", "Pair"}, twice
    for name in ("first.py", "second.py"):
        (tmp_path / name).write_text("class Planted: ...\n")
    assert set(classes_defined_twice(sorted(tmp_path.iterdir()))) == {"Planted"}


@pytest.mark.full
def test_no_module_is_too_large_to_read():
    """Nodes of the syntax tree are counted, so that lines may be as short as they like."""
    sizes = {
        path: sum(1 for _ in ast.walk(ast.parse(path.read_text())))
        for path in code_files()
    }
    assert not {path: size for path, size in sizes.items() if size > 4000}


def test_names_that_say_nothing_are_not_used():
    banned = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert not [path for path in code_files() if path.stem in banned]


def test_the_options_of_commands_are_fields_of_settings():
    """So that a settings file, a journal and a page know each; scripts declare their own."""
    files = [*code_files(), *(ROOT / "extras").rglob("*.py")]
    declaring = [path for path in files if "click.option(" in path.read_text()]
    assert {path.name for path in declaring} == {"__main__.py"}


def test_the_readme_names_the_two_commands_of_a_fresh_machine():
    readme = (ROOT / "README.md").read_text()
    assert "pip install . && defocus-bench run --all" in readme
    assert "pip install '.[test]' && pytest" in readme
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", readme):
        assert (ROOT / picture).is_file()


def test_a_person_can_keep_the_commands_in_mind():
    """Those of an extra are one group, and ``defocus-restore`` has none."""
    verbs = {
        program: set(find_verbs(program, f"defocus.{stage}.commands"))
        for program, stage in (
            ("capture", "capture"),
            ("data", "datasets"),
            ("bench", "benchmark"),
        )
    }
    assert sum(map(len, verbs.values())) <= 50, verbs


def test_every_command_line_of_the_readme_is_understood(run):
    """Each ``defocus-…`` line of the README names a sub-command and options that exist."""
    text = (ROOT / "README.md").read_text()
    lines = [
        line.split("#")[0].strip()
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip().startswith("defocus-")
    ]
    assert len(lines) >= 8
    for line in lines:
        command, verb, *_ = line.split()
        result = run(command, verb, "--help", code=0)
        for option in re.findall(r"--[a-z-]+", line):
            assert option in result.stdout, f"{line}: {option}"


@pytest.mark.parametrize(
    "page",
    [
        "baselines",
        "capture",
        *sorted(
            f"extras/{each.parent.name}"
            for each in (ROOT / "extras").glob("*/README.md")
        ),
    ],
)
def test_the_folders_and_modules_that_a_readme_lists_are_there(page):
    """In the first cells of its tables; of an extra, wherever it names one."""
    text = (ROOT / page / "README.md").read_text(encoding="utf-8")
    words = text
    if not page.startswith("extras/"):
        words = "".join(re.findall(r"^\|[^|]*\|", text, re.MULTILINE))
    names = re.findall(r"`([a-z_]+(?:/[a-z_]*)+|[a-z_/]+\.(?:py|csv))`", words)
    assert names or page.startswith("extras/")
    for name in names:
        assert any((ROOT / page).rglob(name.rstrip("/"))) or (ROOT / name).exists(), (
            name
        )
