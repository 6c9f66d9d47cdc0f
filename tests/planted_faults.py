"""Faults that the tests must find: each is planted in a copy of the checkout, one at a time.

``python -m tests.planted_faults [WORD …]`` plants those whose file has one of the words in its
path, or all, runs the tests named beside each and says which were caught.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FAULTS", "Fault"]

CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Fault:
    """A text that stands once in a file, what replaces it, and the tests that must then fail."""

    file: str
    right: str
    wrong: str
    tests: str

    def planted(self, checkout: Path) -> str:
        """The file's content with the fault.

        Raises:
            ValueError: The text stands nowhere, or more than once.
        """
        content = (checkout / self.file).read_text(encoding="utf-8")
        if content.count(self.right) != 1:
            raise ValueError(f"{self.file}: {content.count(self.right)} times {self.right!r}")
        return content.replace(self.right, self.wrong)


GEOMETRY, LENS = "defocus/optics/geometry.py", "defocus/optics/thin_lens.py"
IMAGES, FILES = "defocus/images.py", "defocus/files.py"
LABELS, JOURNAL = "capture/planning/labels.py", "capture/sessions/journal.py"
MODELS, INTERVALS = "align/registration/models.py", "benchmark/statistics/intervals.py"
METRIC_TESTS, LENS_TESTS = "tests/benchmark/test_metrics.py", "tests/optics/test_thin_lens.py"
STATISTICS_TESTS, LABEL_TESTS = "tests/benchmark/test_statistics.py", "tests/capture/test_plan.py"
MODEL_TESTS = "tests/align/test_registration_models.py"

FAULTS = (
    Fault(GEOMETRY, "- np.eye(2, 3)", "+ np.eye(2, 3)", "tests/optics/test_geometry.py"),
    Fault(GEOMETRY, "ends[..., :2] / ends[..., 2:]", "ends[..., :2]", MODEL_TESTS),
    Fault("defocus/optics/psf.py", "disc / disc.sum()", "disc / disc.max()",
          "tests/optics/test_psf.py"),
    Fault(LENS, "2.44 * wavelength_um", "1.22 * wavelength_um", LENS_TESTS),
    Fault(LENS, "- math.log2(t2", "+ math.log2(t2", LENS_TESTS),
    Fault(LENS, "diameter_mm * 1000.0 /", "diameter_mm * 500.0 /", LENS_TESTS),
    Fault(LENS, "f * s / (s - f)", "f * s / (s + f)", LENS_TESTS),
    Fault(IMAGES, "+ 0.055) / 1.055, 2.4)", "+ 0.055) / 1.055, 2.2)",
          "tests/defocus/test_images.py"),
    Fault(IMAGES, "1.0 / 2.4) - 0.055", "1.0 / 2.2) - 0.055", "tests/defocus/test_images.py"),
    Fault("defocus/orientation.py", "{6: 8, 8: 6}", "{}", "tests/defocus/test_images.py"),
    Fault(FILES, "                temporary.unlink()", "                pass",
          "tests/defocus/test_files.py"),
    Fault(FILES, '"sha256").hexdigest', '"sha512").hexdigest', "tests/defocus/test_files.py"),
    Fault("benchmark/metrics/psnr.py", "-10.0 * math", "-20.0 * math", METRIC_TESTS),
    Fault("benchmark/metrics/psnr.py", "min(CAP_DB, level) if profile.capped else level", "level",
          METRIC_TESTS),
    Fault("benchmark/metrics/ssim.py", "C2 = 0.03**2", "C2 = 0.3**2", METRIC_TESTS),
    Fault("benchmark/metrics/mae.py", "np.abs(", "np.square(", METRIC_TESTS),
    Fault("baselines/losses/charbonnier.py", "+ epsilon**2)", "+ epsilon)",
          "tests/baselines/test_losses.py"),
    Fault("baselines/losses/frequency.py", "torch.view_as_real(difference).abs()",
          "difference.abs()", "tests/baselines/test_losses.py"),
    Fault("defocus/training/steps/averaging.py", "is None and epoch <", "is None and epoch >",
          "tests/training/test_averaging.py"),
    Fault(JOURNAL, 'record is None or record.get("n") != number', "record is None",
          "tests/capture/test_journal.py"),
    Fault("align/photometry/gains.py", "light * gain + offset", "light * gain - offset",
          "tests/align/test_measure.py"),
    Fault(LABELS, "0.5 <= value <= 128", "0.5 <= value <= 12", LABEL_TESTS),
    Fault(LABELS, "60.0 * int(minutes[1])", "int(minutes[1])", "tests/capture/test_exposure.py"),
    Fault("datasets/patching/store.py", "np.rot90(patch[order], crop.quarter_turns)",
          "patch[order]", "tests/datasets/test_patches.py"),
    Fault(INTERVALS, "weights / weights.sum(axis=1, keepdims=True)", "weights", STATISTICS_TESTS),
    Fault(INTERVALS, "-means if higher_is_better else means", "means", STATISTICS_TESTS),
    Fault("benchmark/statistics/comparable.py", ' and status == "ok"', "",
          "tests/benchmark/test_tracks.py tests/benchmark/test_leaderboard.py"),
    Fault(MODELS, "_UNIT[0] + _UNIT[4]", "_UNIT[0] - _UNIT[4]", MODEL_TESTS),
    Fault(MODELS, "math.sqrt(at_corners.sum(axis=0).max())",
          "math.sqrt(at_corners.sum(axis=0).min())", MODEL_TESTS),
    Fault("capture/planning/exposure.py", "2.0 * math.log2(self.sharp.f_number",
          "1.0 * math.log2(self.sharp.f_number", "tests/capture/test_exposure.py"),
    Fault(JOURNAL, '"n": len(self.records) + 1', '"n": len(self.records)',
          "tests/capture/test_journal.py"),
    Fault("align/compensation/crop.py", "row - levels[depth] + 1, ", "row - levels[depth], ",
          "tests/align/test_resample.py"),
    Fault("align/compensation/crop.py", "self.crop.left + (np.arange",
          "self.crop.top + (np.arange", "tests/align/test_resample.py"),
    Fault("reports/text.py", '"∞" if number > 0 else', '"∞" if number < 0 else',
          "tests/reports/test_text.py"),
    Fault("datasets/split.py", "place < TEST_SHARE + VALIDATION_SHARE", "place < VALIDATION_SHARE",
          "tests/datasets/test_readers.py"),
    Fault("baselines/layers/padding.py", "(0, right, 0, below)", "(right, 0, below, 0)",
          "tests/baselines/test_padding.py"),
    Fault("reports/rows.py", "shown = escape(cell_text(cell, column))",
          "shown = cell_text(cell, column)", "tests/reports/test_html.py"),
    Fault("reports/latex.py", "_SIGNS.get(sign, sign) for sign in visible(text)",
          "_SIGNS.get(sign, sign) for sign in text", "tests/benchmark/test_reporting.py"),
    Fault("reports/bars.py", "high = min(0.0, *ends), max(0.0, *ends)",
          "high = min(ends), max(ends)", "tests/reports/test_bars.py"),
    Fault("reports/text.py", 'startswith(("=", "+", "-", "@"', 'startswith(("=", "+", "@"',
          "tests/reports/test_text.py"),
)  # fmt: skip
"""Over the folders of the package."""


def caught(fault: Fault, copy: Path) -> bool:
    """Plant one fault in a copy, run its tests there, and take it out again."""
    path = copy / fault.file
    right = path.read_bytes()
    path.write_text(fault.planted(copy), encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run([*words, *fault.tests.split()], cwd=copy, capture_output=True)
    finally:
        path.write_bytes(right)
    if done.returncode not in {0, 1, 2}:
        raise RuntimeError(f"{fault.tests}: pytest ended with {done.returncode}")
    return done.returncode != 0


def main(words: list[str]) -> int:
    """Plant all faults whose file has one of the words in its path; how many are not caught."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.file for word in words)]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(
            CHECKOUT, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", ".mypy_cache")
        )
        for fault in chosen:
            found = caught(fault, copy)
            missed += not found
            said = f"{fault.file}: {fault.right!r} → {fault.wrong!r}"
            sys.stdout.write(f"{'caught' if found else 'MISSED'}  {said}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - missed} of {len(chosen)} caught\n")
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
