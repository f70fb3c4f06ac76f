"""What the doctor and the preparation each say of a source, in the same terms."""

from dataclasses import dataclass, field
from pathlib import Path

from algr.config import DataHome
from algr.data import ReadOptions, prepare_clinic, prepare_source
from algr.data.doctor import examine_source
from algr.data.doctor.screening import USED
from algr.errors import DataError

EVERY_FRAME = 1000.0
"""Frames per second: more than any video has."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """Refused for reasons, or made without some recordings and with so many frames."""

    reasons: frozenset[str] = frozenset()
    left_out: dict[str, str] = field(default_factory=dict)
    subjects: int = 0
    recordings: int = 0
    frames: int = 0
    rates: dict[str, float | None] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        return bool(self.reasons)


def doctors_story(source: Path, options: ReadOptions) -> Story:
    found = examine_source(source, options=options, sample=2000)
    reasons = {part.text() for part in found.findings if part.severity == "refused"}
    if reasons:
        return Story(reasons=frozenset(reasons))
    return Story(
        left_out=dict(found.screening.left_out),
        subjects=len({recording.subject for recording in found.used}),
        recordings=len(found.used),
        frames=found.screening.frames[USED],
        rates={label.name: rounded(label.rate) for label in found.labels},
    )


def preparations_story(source: Path, layout: str, options: ReadOptions, home: DataHome) -> Story:
    common = {"source": source, "home": home, "name": "told"}
    try:
        if layout == "clinic":
            summary = prepare_clinic(fps=EVERY_FRAME, **common)
        else:
            summary = prepare_source(layout=layout, options=options, **common)
    except DataError as error:
        told = [text for text in error.problems if not text.startswith("only a warning: ")]
        return Story(reasons=frozenset(told))
    excluded = "excluded by the manifest"
    return Story(
        left_out={
            part.video: part.reason
            for part in summary.left_out
            if not part.reason.startswith(excluded)
        },
        subjects=summary.subjects,
        recordings=summary.videos,
        frames=summary.frames,
        rates=dict(summary.label_rates),
    )


def rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 4)
