"""Map the stage folders into the namespace ``defocus``; record the commit in what is built."""

import os
from pathlib import Path
from runpy import run_path

from setuptools import find_namespace_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

STAGES = (
    "capture", "align", "datasets", "baselines", "restoration", "benchmark", "reports", "extras",
)  # fmt: skip
OWN = (
    "blur", "cluster", "command_line", "edges", "front", "pictures", "plugins", "processes",
    "scene", "storage", "training",
)  # fmt: skip
CHECKOUT = Path(__file__).resolve().parent

# with it and one date for all files, two builds of a commit are the same bytes
os.umask(0o022)
# 1980, the first date that a zip can hold
os.environ.setdefault("SOURCE_DATE_EPOCH", "315532800")


def record_commit(built: Path) -> None:
    """Write the commit beside ``commit.py``; an sdist carries that of the checkout it is from."""
    own = run_path(str(CHECKOUT / "defocus" / "commit.py"))
    commit = own["full_commit_of"](CHECKOUT)
    if commit:
        (built / "defocus" / own["RECORDED"]).write_text(
            f"{commit}\n", encoding="utf-8"
        )


def give_plain_rights(built: Path) -> None:
    """The same rights for all files, whatever those of the checkout are."""
    for path in built.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


class BuildPy(build_py):
    """The modules of a wheel, with the commit that they are of."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            record_commit(Path(self.build_lib))
            give_plain_rights(Path(self.build_lib))


class BdistWheel(bdist_wheel):
    """A wheel whose metadata, the licence too, have the rights of its modules."""

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        give_plain_rights(Path(distinfo_path))


class Sdist(sdist):
    """An sdist, with the commit that it is of."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        record_commit(Path(base_dir))


setup(
    packages=["defocus"]
    + [f"defocus.{own}" for own in OWN]
    + [
        f"defocus.{own}.{name}"
        for own in OWN
        for name in find_namespace_packages(f"defocus/{own}")
    ]
    + [f"defocus.{stage}" for stage in STAGES]
    + [
        f"defocus.{stage}.{name}"
        for stage in STAGES
        for name in find_namespace_packages(stage)
    ],
    package_dir={f"defocus.{stage}": stage for stage in STAGES},
    cmdclass={"bdist_wheel": BdistWheel, "build_py": BuildPy, "sdist": Sdist},
)
