"""Findings about a pair, and the verdict they lead to."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from defocus.capture.sessions.lines import Verdict

Severity = Literal["note", "warn", "reject"]


@dataclass(frozen=True)
class Finding:
    """A finding about a pair; a ``lasting`` one, as a wrong focus, would be found again."""

    severity: Severity
    text: str
    lasting: bool = False


@dataclass
class Quality:
    """Result of the checks; ``mask`` is 0 where the blurry member is the sharper one, else 255."""

    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    mask: NDArray[np.uint8] | None = None  # ``(H, W)``, blurry geometry; None without

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings."""
        severities = {finding.severity for finding in self.findings}
        if "reject" in severities:
            return "reject"
        return "warn" if "warn" in severities else "accept"

    @property
    def reason(self) -> str:
        """All findings in one line, the most severe first; empty if there are none."""
        order = {"reject": 0, "warn": 1, "note": 2}
        ranked = sorted(self.findings, key=lambda finding: order[finding.severity])
        return "; ".join(finding.text for finding in ranked)

    @property
    def lasting(self) -> bool:
        """Whether a rejection would come again, because all of its findings would."""
        rejecting = [
            finding for finding in self.findings if finding.severity == "reject"
        ]
        return bool(rejecting) and all(finding.lasting for finding in rejecting)

    def say(self, severity: Severity, text: str, *, lasting: bool = False) -> None:
        """Add a finding."""
        self.findings.append(Finding(severity, text, lasting))

    def compare(
        self,
        value: float,
        warn: float,
        reject: float,
        text: str,
        *,
        lasting: bool = False,
    ) -> None:
        """Add ``text`` if ``value`` exceeds a limit."""
        if value > reject:
            self.say("reject", text, lasting=lasting)
        elif value > warn:
            self.say("warn", text, lasting=lasting)

    def warn_only(self) -> None:
        """Turn every rejection into a warning."""
        for number, finding in enumerate(self.findings):
            if finding.severity == "reject":
                self.findings[number] = replace(finding, severity="warn")
