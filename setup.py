"""Map the six stage folders into the namespace ``defocus`` (the rest is in pyproject.toml)."""

from setuptools import find_namespace_packages, setup

STAGES = ("capture", "align", "datasets", "benchmark", "baselines", "reports")
setup(
    packages=["defocus", "defocus.optics"]
    + [f"defocus.{stage}" for stage in STAGES]
    + [f"defocus.{stage}.{name}" for stage in STAGES for name in find_namespace_packages(stage)],
    package_dir={f"defocus.{stage}": stage for stage in STAGES},
)
