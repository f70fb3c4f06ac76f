"""What a preparation tells: while it runs, and when it is done."""

# Shape suffixes: N = frames, A = action units.

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algr.data.findings import Finding
from algr.data.rows import Kind
from algr.data.videos import VideoRecord
from algr.data.words import counted
from algr.faces import GRADES, HOUSE_BRACKMANN_CLASS

Stage = Literal["reading", "checking", "decoding", "writing"]
_ROMAN = ("I", "II", "III", "IV", "V", "VI")


@dataclass(frozen=True, kw_only=True)
class PrepareProgress:
    """Where a preparation stands."""

    stage: Stage
    videos_done: int
    videos_total: int
    frames_done: int
    frames_expected: int
    elapsed_s: float
    seconds_left: float | None
    """None until it can be estimated."""

    @property
    def note(self) -> str:
        """Half a line for a display."""
        if self.stage == "reading":
            return "reading labels and landmarks"
        if self.stage == "checking":
            return "checking the files"
        frames = f"{self.stage}, {self.frames_done} of about {self.frames_expected} frames"
        left = "" if self.seconds_left is None else f", about {self.seconds_left:.0f} s left"
        return frames + left


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A video that is not in the dataset."""

    video: str
    """As the manifest names it: for the user's eyes, never stored."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class PrepareSummary:
    """What a preparation leaves behind."""

    name: str
    directory: Path
    up_to_date: bool
    """The dataset was there already, from the same files and options."""
    simulated: bool
    subjects: int
    videos: int
    frames: int
    frames_per_grade: Mapping[str, int]
    frames_rejected: Mapping[str, int]
    """Reason to number of sampled frames."""
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    fingerprint: str
    seconds: float
    frames_decoded: int
    """By this call; fewer than `frames` when an earlier one was broken off."""
    frames_per_second: float | None
    """Decoded, aligned and staged; None where nothing was."""
    groups: int = 0
    """Subjects that can stand in different folds; those of one group count once."""
    landmarks: Mapping[str, int] = field(default_factory=dict)
    """Where landmarks came from, and for how many videos."""
    kind: Kind = "grade"
    label_rates: Mapping[str, float | None] = field(default_factory=dict)
    """Action unit to the share of its coded frames that show it; None where none is coded."""
    missing_codes: Mapping[str, int] = field(default_factory=dict)
    """How often each spelling of "not coded" stood in the labels."""
    findings: tuple[Finding, ...] = ()
    """What was noticed while reading, and of the pictures."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        values = asdict(self)
        del values["findings"]
        if self.findings or self.kind == "au":
            values["findings"] = [finding.to_dict() for finding in self.findings]
        if self.kind == "grade":
            del values["label_rates"], values["missing_codes"]
        else:
            del values["frames_per_grade"]
        return {
            **values,
            "directory": str(self.directory),
            "left_out": [asdict(video) for video in self.left_out],
            "warnings": list(self.warnings),
        }

    def lines(self) -> list[str]:
        """Text for a person."""
        simulated = "simulated " if self.simulated else ""
        state = "is up to date" if self.up_to_date else "prepared"
        lines = [
            f"{self.name} {state}: {counted(self.subjects, f'{simulated}subject')}, "
            f"{counted(self.videos, 'video')}, {counted(self.frames, 'frame')}",
            *self._label_lines(),
        ]
        if self.landmarks:
            lines.append("landmarks: " + _pairs(self.landmarks))
        lines += [f"note: {finding.text()}" for finding in self.findings if _is_note(finding)]
        if self.frames_rejected:
            lines.append("frames left out: " + _pairs(self.frames_rejected))
        if self.left_out:
            lines.append(f"videos left out: {len(self.left_out)}")
            lines += [f"  - {video.video}: {_indented(video.reason)}" for video in self.left_out]
        lines += [f"warning: {warning}" for warning in self.warnings]
        lines.append(f"fingerprint: {self.fingerprint}")
        if self.frames_per_second:
            lines.append(f"{self.seconds:.1f} s, {self.frames_per_second:.0f} frames per second")
        return lines

    def _label_lines(self) -> list[str]:
        if self.kind == "grade":
            return [
                "frames per grade: " + _pairs(self.frames_per_grade),
                "House-Brackmann grades: " + grade_mapping_text(),
            ]
        rates = [
            f"{name} {'not coded' if rate is None else f'{rate:.1%}'}"
            for name, rate in self.label_rates.items()
        ]
        lines = ["share of coded frames that show it: " + ", ".join(rates)]
        if self.missing_codes:
            lines.append("labels not coded, by spelling: " + _pairs(self.missing_codes))
        return lines


def _is_note(finding: Finding) -> bool:
    return finding.severity == "note"


def label_rates(labels_NA: NDArray[np.int8], names: Sequence[str]) -> dict[str, float | None]:
    """The share of the coded frames that show each action unit; None where none is coded."""
    coded_A = (labels_NA >= 0).sum(axis=0).tolist()
    present_A = (labels_NA == 1).sum(axis=0).tolist()
    return {
        name: round(present / coded, 4) if coded else None
        for name, present, coded in zip(names, present_A, coded_A, strict=True)
    }


def rejected_frames(videos: Sequence[VideoRecord]) -> dict[str, int]:
    """Reason to number of frames, over all videos."""
    counts = Counter[str]()
    for video in videos:
        for rejection in video.rejections:
            counts[rejection.reason] += rejection.frames
    return dict(sorted(counts.items()))


def grade_mapping_text() -> str:
    """The mapping of House-Brackmann grades to classes in words."""
    parts = []
    for grade, name in enumerate(GRADES):
        members = [_ROMAN[hb - 1] for hb, owner in HOUSE_BRACKMANN_CLASS.items() if owner == grade]
        parts.append(f"{'-'.join(members)} {name}")
    return ", ".join(parts)


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
