"""Faults that the tests must find: each is planted in a copy of the checkout, one at a time.

``python -m tests.planted_faults [WORD …]`` plants those whose file has one of the words in its
path, or all, runs the tests that lead to the file, nearest first, and says which were caught.
``--ring default`` runs of these tests the default ring; ``--faults FILE.json`` plants others:
a list of ``[file, right text, wrong text]``.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.imports import imports_of
from tests.rings import DEFAULT

CHECKOUT = Path(__file__).parents[1]

NEAR = 12
"""So many files of tests run first; most faults are caught by then."""


@dataclass(frozen=True)
class Fault:
    """A text that stands once in a file, and what replaces it."""

    file: str
    right: str
    wrong: str

    def planted(self, checkout: Path) -> str:
        """The file's content with the fault.

        Raises:
            ValueError: The text stands nowhere, or more than once.
        """
        content = (checkout / self.file).read_text(encoding="utf-8")
        if content.count(self.right) != 1:
            raise ValueError(f"{self.file}: {content.count(self.right)} times {self.right!r}")
        return content.replace(self.right, self.wrong)


_IN_THE_CORE = (
    Fault("defocus/scene/geometry.py", "- np.eye(2, 3)", "+ np.eye(2, 3)"),
    Fault("defocus/scene/geometry.py", "ends[..., :2] / ends[..., 2:]", "ends[..., :2]"),
    Fault("defocus/scene/aperture.py", "light / light.sum()", "light / light.max()"),
    Fault("defocus/scene/thin_lens.py", "2.44 * GREEN_WAVELENGTH_UM", "1.22 * GREEN_WAVELENGTH_UM"),
    Fault("defocus/scene/thin_lens.py", "- math.log2(t2", "+ math.log2(t2"),
    Fault("defocus/scene/thin_lens.py", "diameter_mm * 1000.0 /", "diameter_mm * 500.0 /"),
    Fault("defocus/scene/thin_lens.py", "f * s / (s - f)", "f * s / (s + f)"),
    Fault("defocus/images.py", "+ 0.055) / 1.055, 2.4)", "+ 0.055) / 1.055, 2.2)"),
    Fault("defocus/images.py", "1.0 / 2.4) - 0.055", "1.0 / 2.2) - 0.055"),
    Fault("defocus/orientation.py", "{6: 8, 8: 6}", "{}"),
    Fault("defocus/files.py", "                temporary.unlink()", "                pass"),
    Fault("defocus/files.py", '"sha256").hexdigest', '"sha512").hexdigest'),
    Fault("benchmark/metrics/psnr.py", "-10.0 * math", "-20.0 * math"),
    Fault("benchmark/metrics/psnr.py", "min(CAP_DB, level) if profile.capped else level", "level"),
    Fault("benchmark/metrics/ssim.py", "C2 = 0.03**2", "C2 = 0.3**2"),
    Fault("benchmark/metrics/mae.py", "np.abs(", "np.square("),
    Fault("baselines/losses/charbonnier.py", "+ epsilon**2)", "+ epsilon)"),
    Fault(
        "baselines/losses/frequency.py", "torch.view_as_real(difference).abs()", "difference.abs()"
    ),
    Fault("defocus/training/steps/averaging.py", "elif epoch >=", "elif epoch <="),
    Fault(
        "capture/sessions/journal.py",
        'record is None or record.get("n") != number',
        "record is None",
    ),
    Fault("align/photometry/gains.py", "light * gain + offset", "light * gain - offset"),
    Fault("capture/planning/labels.py", "0.5 <= value <= 128", "0.5 <= value <= 12"),
    Fault("capture/planning/labels.py", "60.0 * int(minutes[1])", "int(minutes[1])"),
    Fault(
        "datasets/patching/packing.py", "np.rot90(patch[order], crop.quarter_turns)", "patch[order]"
    ),
    Fault(
        "benchmark/statistics/intervals.py",
        "weights / weights.sum(axis=1, keepdims=True)",
        "weights",
    ),
    Fault("benchmark/statistics/intervals.py", "-means if higher_is_better else means", "means"),
    Fault("benchmark/statistics/comparable.py", ' and status == "ok"', ""),
    Fault("align/registration/models.py", "_UNIT[0] + _UNIT[4]", "_UNIT[0] - _UNIT[4]"),
    Fault(
        "align/registration/models.py",
        "math.sqrt(at_corners.sum(axis=0).max())",
        "math.sqrt(at_corners.sum(axis=0).min())",
    ),
    Fault(
        "capture/planning/exposure.py",
        "2.0 * math.log2(self.sharp.f_number",
        "1.0 * math.log2(self.sharp.f_number",
    ),
    Fault("capture/sessions/journal.py", '"n": len(self.records) + 1', '"n": len(self.records)'),
    Fault("align/sampling/resample.py", "row - levels[depth] + 1, ", "row - levels[depth], "),
    Fault(
        "align/sampling/resample.py", "self.crop.left + (np.arange", "self.crop.top + (np.arange"
    ),
    Fault("reports/text.py", '"∞" if number > 0 else', '"∞" if number < 0 else'),
    Fault("datasets/pair.py", "place < TEST_SHARE + VALIDATION_SHARE", "place < VALIDATION_SHARE"),
    Fault("baselines/layers/padding.py", "(0, right, 0, below)", "(right, 0, below, 0)"),
    Fault(
        "reports/rows.py",
        "shown = escape(cell_text(cell, column))",
        "shown = cell_text(cell, column)",
    ),
    Fault(
        "reports/latex.py",
        "_SIGNS.get(sign, sign) for sign in visible(text)",
        "_SIGNS.get(sign, sign) for sign in text",
    ),
    Fault(
        "reports/rows.py", "high = min(0.0, *ends), max(0.0, *ends)", "high = min(ends), max(ends)"
    ),
    Fault("reports/text.py", 'startswith(("=", "+", "-", "@"', 'startswith(("=", "+", "@"'),
    Fault(
        "capture/arriving/pairing.py",
        "second.seconds - first.seconds - (first.exif.seconds or 0.0)",
        "second.seconds - first.seconds",
    ),
    Fault(
        "capture/sessions/refetching.py",
        "if [sha256_file(part) for part in parts] != [entry.stored.sha256]:",
        "if not parts:",
    ),
    Fault(
        "capture/quality/motion.py",
        "np.float32(2.0 ** -(light or 0.0))",
        "np.float32(2.0 ** (light or 0.0))",
    ),
    Fault(
        "align/photometry/exposure.py", "(fall[0] - corners.mean())", "(corners.mean() - fall[0])"
    ),
    Fault(
        "align/compensation/output.py",
        "                (folder / name).unlink(missing_ok=True)",
        "                pass",
    ),
    Fault(
        "datasets/measuring/kept.py",
        "estimator.weights_sha256, limits.to_json(), MEASURING_REVISION",
        "estimator.weights_sha256, MEASURING_REVISION",
    ),
    Fault(
        "datasets/curation_splits.py",
        "return splits | _drawn(groups, wanted, seed)",
        "return _drawn(groups, wanted, seed) | splits",
    ),
    Fault(
        "baselines/layers/attention.py",
        "(inner, last, bias + across_columns)",
        "(inner, last, bias + across_rows)",
    ),
    Fault(
        "benchmark/evaluation/remaining.py",
        "            or versions[name].version != metric.version\n",
        "",
    ),
    Fault("benchmark/results/store.py", "            self._damaged.pop(entry.run, None)\n", ""),
    Fault(
        "restoration/run.py",
        'entry.get("source_sha256") == source and entry.get("settings") == self._settings',
        'entry.get("source_sha256") == source',
    ),
    Fault("benchmark/leaderboard/rows.py", "ddof=1", "ddof=0"),
    Fault(
        "benchmark/statistics/standings.py", "sign = -1.0 if field.higher else 1.0", "sign = -1.0"
    ),
    Fault(
        "reports/plot.py",
        "front = sorted((point.x, point.y) for point in points if point.marked)",
        "front = [(point.x, point.y) for point in points if point.marked]",
    ),
    Fault("defocus/blocks/photoshop.py", "end = at + 4 + size + size % 2", "end = at + 4 + size"),
    Fault(
        "defocus/training/record/curves.py",
        'if int(row["step"]) <= last_step]',
        'if int(row["step"]) < last_step]',
    ),
    Fault(
        "defocus/scene/aperture.py",
        "turned = steps if diameter_px > 0 else -steps",
        "turned = steps",
    ),
)

FAULTS = _IN_THE_CORE + tuple(
    Fault(*row)
    for file in sorted(CHECKOUT.glob("tests/extras/*/faults.json"))
    for row in json.loads(file.read_text(encoding="utf-8"))
)
"""Those of the extras stand beside their tests, as ``--faults`` takes them."""
"""Over all folders of the core; the last eighteen were chosen before the tests were read."""


def files_for(fault: Fault, checkout: Path) -> list[str]:
    """The files of tests that lead to the file of a fault, nearest first."""
    imports = imports_of(checkout)
    away = imports.ways(imports.module_of(checkout / fault.file))
    files = [name for name in away if Path(name).match("tests/**/test_*.py")]
    return sorted(files, key=lambda name: (away[name], name))


def caught(fault: Fault, copy: Path, ring: str) -> str:
    """Plant one fault in a copy and run the tests that lead to it; the one that fails, or none."""
    path = copy / fault.file
    right, files = path.read_bytes(), files_for(fault, copy)
    chosen = ["-m", DEFAULT] if ring == "default" else []
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *chosen]
    path.write_text(fault.planted(copy), encoding="utf-8")
    try:
        for beside, part in (("0", files[:NEAR]), ("auto", files[NEAR:])):
            if not part:
                continue
            run = [*words, "-n", beside, *part]
            done = subprocess.run(run, cwd=copy, capture_output=True, text=True, check=False)
            if done.returncode in {1, 2}:
                failed = re.search(r"^(?:FAILED|ERROR) (.*)$", done.stdout, re.MULTILINE)
                return failed[1] if failed else "pytest itself"
            if done.returncode not in {0, 5}:  # 5: nothing of these files is in the ring
                raise RuntimeError(f"pytest ended with {done.returncode}: {done.stdout[-500:]}")
    finally:
        path.write_bytes(right)
    return ""


def main(words: Sequence[str] | None = None) -> int:
    """Plant faults; how many are not caught."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ring", choices=["default", "full"], default="full")
    parser.add_argument("--faults", type=Path, help="JSON: [[file, right text, wrong text], …]")
    parser.add_argument("word", nargs="*", help="plant only in files with one of the words")
    given = parser.parse_args(words)
    faults = FAULTS
    if given.faults is not None:
        faults = tuple(Fault(*row) for row in json.loads(given.faults.read_text(encoding="utf-8")))
    chosen = [f for f in faults if not given.word or any(word in f.file for word in given.word)]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(
            CHECKOUT, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", ".mypy_cache")
        )
        for fault in chosen:
            found = caught(fault, copy, given.ring)
            missed += not found
            said = f"{fault.file}: {fault.right!r} → {fault.wrong!r}"
            sys.stdout.write(f"{f'caught by {found}' if found else 'MISSED'}  {said}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - missed} of {len(chosen)} caught\n")
    return missed


if __name__ == "__main__":
    sys.exit(main() > 0)
