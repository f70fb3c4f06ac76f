"""Frames of DISFA's labels count from 1; in some copies those of a subject count from 0."""

# Shape suffixes: N = frames of a subject.

from collections.abc import Mapping
from pathlib import Path

from algr.data.adapters.collect import Collector
from algr.data.adapters.disfa_labels import Intensities, frames_of
from algr.data.adapters.folders import list_folder, names_in_words
from algr.data.adapters.pictures import is_picture
from algr.data.adapters.tables import LabelTable
from algr.data.words import counted


def from_one(
    intensities: Intensities,
    *,
    subject: str,
    pictures: Path | None,
    at: Path,
    findings: Collector,
) -> LabelTable:
    """The labels by frames that count from 1.

    They count from 0 where every file holds a frame 0 and none is left over at the end: in a full
    copy the last one is then one less than the number of frames. Otherwise a frame 0 is refused,
    and the frames from 1 on are given, so that all else can be checked.

    Args:
        intensities: As the files count.
        subject: Such as SN001.
        pictures: Folder of its pictures; None for a video, whose length is not known yet.
        at: Folder of its labels.
        findings: Takes what is wrong.
    """
    table = intensities.table
    if table.number_N[0] > 0:
        return table
    problem = _why_unclear(intensities, subject=subject, pictures=pictures)
    if not problem:
        return LabelTable(number_N=table.number_N + 1, values_NA=table.values_NA)
    names = names_in_words(intensities.from_0)
    findings.refuse(
        "label_origin",
        f"the labels begin with frame 0 {problem}. Where they count from 0, add 1 to the frame "
        f"numbers of {names}; where they count from 1, take the line of frame 0 out there",
        at=at,
    )
    is_frame_N = table.number_N > 0
    return LabelTable(number_N=table.number_N[is_frame_N], values_NA=table.values_NA[is_frame_N])


def _why_unclear(intensities: Intensities, *, subject: str, pictures: Path | None) -> str:
    """Why it cannot be told that all frames count from 0; empty where it can."""
    last = int(intensities.table.number_N[-1])
    if intensities.from_1:
        others = counted(len(intensities.from_1), "other file")
        return f"in {names_in_words(intensities.from_0)} and with a later one in {others}"
    if last >= frames_of(subject):
        return f"and end with {last}, though a full copy has {frames_of(subject)} frames"
    if last and pictures is not None and _num_pictures(pictures) == last:
        return f"and end with {last}, and {last} pictures are there"
    return ""


def _num_pictures(folder: Path) -> int:
    try:
        return sum(map(is_picture, list_folder(folder).files))
    except OSError:
        return 0


def report_from_0(last_of: Mapping[str, int], *, findings: Collector) -> None:
    """Tell which subjects' labels were counted from 0.

    Args:
        last_of: Subject to the number of its last frame, as its files count.
        findings: Is told.
    """
    if not last_of:
        return
    stretches = [f"{subject} 0 to {last}" for subject, last in last_of.items()]
    findings.note(
        "labels_from_0",
        f"the labels of {counted(len(last_of), 'subject')} count from 0 "
        f"({names_in_words(stretches)}): 1 is added to their frame numbers, as DISFA counts",
        count=len(last_of),
    )
