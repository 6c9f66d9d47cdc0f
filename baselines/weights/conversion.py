"""Conversion of an untrusted weights file to safetensors in a separate process.

Reading such a file could be attacked, so the process that does it does nothing else: it gets paths
and writes one safetensors file, which is then checked independently.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from defocus.errors import WeightsError
from defocus.progress import say

LIMIT_SECONDS = 900.0

REMARK = "remark: "
"""Begins a line of the process that the person should see."""


def convert_files(system: str, files: Sequence[Path], target: Path, key: str = "") -> None:
    """Read weights files of a system and write its state dict, in a separate process."""
    # Tensors of several files are named by the files' stems; an empty ``key`` is the table that
    # fits best.
    code = "from defocus.baselines.weights.conversion import main; main()"
    request = json.dumps([system, [str(file) for file in files], str(target), key])
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        process = subprocess.run(
            [sys.executable, "-c", code],
            input=request,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"{files[0]}: not read within {LIMIT_SECONDS:.0f} s; refused") from error
    if process.returncode == 0:
        for line in process.stderr.splitlines():
            if line.startswith(REMARK):
                say(line.removeprefix(REMARK))
        return
    if process.returncode == WeightsError.exit_code:
        raise WeightsError(process.stdout.strip())
    raise WeightsError(
        f"{files[0]}: reading it crashed the process (exit code {process.returncode}: "
        f"{_last_line(process.stderr)}); the file is refused"
    )


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no message")


def main() -> None:
    """Run the conversion: a request on stdin, a reason for refusal on stdout."""
    system, files, target, key = json.loads(sys.stdin.read())
    try:
        remarks = convert_here(system, [Path(file) for file in files], Path(target), key)
        sys.stderr.writelines(f"{REMARK}{one}\n" for one in remarks)
    except WeightsError as error:
        sys.stdout.write(str(error))
        sys.exit(error.exit_code)


def convert_here(
    system: str, files: Sequence[Path], target: Path, key: str = ""
) -> tuple[str, ...]:
    """As :func:`convert_files`, in this process, for files of this package; return remarks."""
    from safetensors.torch import save_file

    from defocus.baselines.registry import baseline
    from defocus.baselines.weights.reading import read_tensors
    from defocus.baselines.weights.state import state_for

    if len(files) == 1:
        tensors = read_tensors(files[0])
    else:
        tensors = {
            f"{file.name.partition('.')[0]}.{name}": tensor
            for file in files
            for name, tensor in read_tensors(file).items()
        }
    remarks: list[str] = []
    save_file(state_for(baseline(system), tensors, str(files[0]), key, remarks.append), target)
    return tuple(remarks)
