"""The end of every reading: what is missing of a full copy, and whether anything is left."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from algr.data.adapters.base import SourceReading
from algr.data.adapters.collect import Collector
from algr.data.adapters.folders import names_in_words
from algr.data.clinic import is_simulated


def report_subjects(without_labels: Sequence[str], *, findings: Collector) -> None:
    """Warn of subjects that have pictures but no labels."""
    if without_labels:
        findings.warn(
            "subject_without_labels",
            f"{names_in_words(without_labels)}: pictures are there, labels are not; left out",
            count=len(without_labels),
        )


def finish(
    reading: SourceReading,
    *,
    source: Path,
    parts: Mapping[str, int],
    findings: Collector,
    swap_axes: bool = False,
) -> SourceReading:
    """The reading with its findings.

    Args:
        reading: All but the findings and the parts.
        source: Where it was read from.
        parts: Subjects of a full copy, each with its part of the published folds; empty where no
            folds are published.
        findings: So far.
        swap_axes: The landmark files hold y, x; as they count both from one pixel, the points may
            be exchanged after all else.
    """
    if swap_axes:
        reading = _exchanged(reading)
    subjects = {recording.subject for recording in reading.recordings}
    if not reading.recordings and not findings.is_refused:
        findings.refuse("no_recordings", "no recording can be used; expected at least one")
    absent = sorted(set(parts) - subjects)
    if absent and subjects:
        findings.warn(
            "partial_copy",
            f"{len(subjects)} of {len(parts)} subjects are there; not there, or without labels or "
            f"pictures that can be used: {names_in_words(absent)}",
            count=len(absent),
        )
    is_subset = subjects <= set(parts)
    return replace(
        reading,
        findings=findings.all(),
        parts={subject: parts[subject] for subject in sorted(subjects)} if is_subset else {},
        simulated=is_simulated(source),
    )


def _exchanged(reading: SourceReading) -> SourceReading:
    """With x and y of all landmarks exchanged; stated only then, so that fingerprints stay."""
    recordings = tuple(
        recording
        if recording.landmarks_NL2 is None
        else replace(recording, landmarks_NL2=recording.landmarks_NL2[..., ::-1].copy())
        for recording in reading.recordings
    )
    parameters = {**reading.parameters, "swap_axes": True}
    return replace(reading, recordings=recordings, parameters=parameters)
