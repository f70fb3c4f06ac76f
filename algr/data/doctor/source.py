"""From a folder to its examination: recognise, read, look."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from algr.data.adapters import ReadOptions, SourceReading, recognise
from algr.data.doctor.examine import DEFAULT_SAMPLE, Examination, Tick, examine
from algr.data.published import NUM_PARTS, PUBLISHED_PARTS
from algr.errors import UsageError

_ORIGIN = "frame_origin"
"""Of the finding that names do not tell whether pictures count from 0 or from 1."""
_TRIED_OFFSET = -1
"""With which the pictures are then compared with the landmarks, which may tell another one."""


def examine_source(
    source: Path,
    *,
    options: ReadOptions | None = None,
    sample: int = DEFAULT_SAMPLE,
    jobs: int = 1,
    has_detector: bool = False,
    tick: Tick = lambda *_: None,
) -> Examination:
    """Recognise a source's layout, read it, and examine it; see `examine`.

    Args:
        source: Folder of a data set.
        options: How to read it.
        sample: Pictures to decode, about.
        jobs: Threads that decode.
        has_detector: The preparation can find landmarks by itself.
        tick: Told how far a stage is.

    Raises:
        DataError: There is no such folder, or no layout that is known.
        UsageError: The layout has no such options.
    """
    adapter = recognise(source)
    tick("labels and landmarks", 0, 1)
    chosen = options or ReadOptions()
    if adapter.layout == "clinic" and chosen != ReadOptions():
        raise UsageError(
            "an offset or base means nothing for clinic",
            expected="it with bp4d, disfa, gft, manifest only",
            advice="leave it out",
        )
    reading = adapter.read(source, chosen)
    if any(finding.code == _ORIGIN for finding in reading.findings):
        trial = replace(chosen, frame_offset=_TRIED_OFFSET)
        tried = adapter.read(source, trial)
        found = examine(
            tried,
            source=source,
            parts=parts_of(tried),
            sample=sample,
            jobs=jobs,
            chosen=trial,
            has_detector=has_detector,
            tick=tick,
        )
        if found.calibration.offset.offset is not None:
            return found
    return examine(
        reading,
        source=source,
        parts=parts_of(reading),
        sample=sample,
        jobs=jobs,
        chosen=chosen,
        has_detector=has_detector,
        tick=tick,
    )


def parts_of(reading: SourceReading) -> Mapping[str, tuple[str, ...]]:
    """Published part to its subjects; empty for layouts, and variants, that have none."""
    known = PUBLISHED_PARTS.get(reading.layout)
    if known is None or reading.published is None:
        return {}
    return {
        f"part {part}": tuple(subject for subject, own in known.items() if own == part)
        for part in range(1, NUM_PARTS + 1)
    }
