"""Client of a camera process: start it, send requests, detect its end.

Requests are JSON lines on its stdin, answers on its stdout; it ends when its stdin does."""

import contextlib
import json
import selectors
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

import defocus.errors
from defocus.errors import CameraError, DefocusError, storage_error
from defocus.processes.children import start_python
from defocus.reading import Json

ANSWER_SECONDS = 90.0
"""Longest wait for an answer: an exposure of 30 s, the same time for noise reduction, and the
download."""


class ChildLostError(Exception):
    """The child process ended, or stopped answering."""


class AnswerError(Exception):
    """The library in the child process reported an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Child:
    """A process that holds a camera."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        """Start ``python -m module`` with further environment variables."""
        self._number = 0
        # A file, not a pipe: nobody reads it while the child lives, and a full pipe would block it.
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        self.process = start_python(
            "-m",
            module,
            environment=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,  # what waits in a buffer of ours the selector would not see
        )

    def ask(
        self,
        do: str,
        *,
        within_seconds: float = ANSWER_SECONDS,
        **request: Any,  # noqa: ANN401 - JSON values
    ) -> Any:  # noqa: ANN401 - JSON values
        """Send a request and wait for the answer; errors that the child raises are raised here."""
        stdin = self.process.stdin
        stdout = self.process.stdout
        assert stdin is not None  # noqa: S101 - opened as a pipe above
        assert stdout is not None  # noqa: S101 - opened as a pipe above
        if stdin.closed:
            raise ChildLostError("the camera's process was ended")
        self._number += 1
        try:
            stdin.write(
                json.dumps({"number": self._number, "do": do, **request}).encode()
                + b"\n"
            )
            stdin.flush()
        except OSError as error:
            raise ChildLostError(self._obituary()) from error
        answer = self._answer(stdout, within_seconds)
        while answer["number"] != self._number:  # the wait for that one was interrupted
            answer = self._answer(stdout, within_seconds)
        if answer["ok"]:
            return answer["value"]
        raise _error_of(answer)

    def _answer(self, stdout: IO[bytes], seconds: float) -> Json:
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                raise ChildLostError(f"no answer in {seconds:g} s")
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise ChildLostError(self._obituary())
        answer: Json = json.loads(line)
        return answer

    def _obituary(self) -> str:
        self.process.kill()
        code = self.process.wait()
        self._errors.seek(0)
        lines = (
            self._errors.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        )
        return f"the camera's process ended with {code}" + (
            f": {lines[-1]}" if lines else ""
        )

    def end(self) -> None:
        """Close the child's stdin to end it, and kill it if it does not end."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._errors.close()


def _error_of(answer: Json) -> Exception:
    """The exception for an error answer."""
    if answer["kind"] == "storage":
        return storage_error(OSError(answer["code"], ""), Path(answer["text"]))
    if answer["kind"] == "raised":
        named = getattr(defocus.errors, answer["code"], CameraError)
        assert issubclass(named, DefocusError)  # noqa: S101 - a child names nothing else
        error: DefocusError = named(answer["text"])
        return error
    return AnswerError(answer["code"], answer["text"])
