"""BP4D and BP4D+: occurrence tables, numbered pictures, tracked landmarks in MATLAB 7.3."""

# Shape suffixes: N = frames of a recording, A = action units, L = landmarks (49), 2 = x, y.

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import (
    ImageFiles,
    Layout,
    PublishedCounts,
    ReadOptions,
    Recording,
    SourceReading,
)
from algr.data.adapters.bp4d_files import (
    LABEL_FILE,
    SUBJECT,
    Bp4dFiles,
    find_files,
    label_roots,
)
from algr.data.adapters.bp4d_labels import Bp4dLabels, read_occurrence, report_gone
from algr.data.adapters.collect import Collector
from algr.data.adapters.counts import finish, report_subjects
from algr.data.adapters.folders import (
    list_folder,
    names_in_words,
    report_no_files,
    scan_folders,
)
from algr.data.adapters.matlab import UnreadableError, read_tracked_points
from algr.data.adapters.pictures import numbered_pictures, ranges_in_words
from algr.data.adapters.tables import LabelParser, ValueRule
from algr.data.published import PUBLISHED_PARTS
from algr.data.words import counted

LABELS = ("AU1", "AU2", "AU4", "AU6", "AU7", "AU10", "AU12", "AU14", "AU15", "AU17", "AU23", "AU24")
"""The action units of the paper's Table 2."""
PUBLISHED = PublishedCounts(
    subjects=41,
    frames=146_576,
    source="lists of PyTorch-JAANet, parts of 50,601, 50,166 and 45,809 frames; ME-GraphAU's "
    "lists have 146,847",
)
FPS = 25.0
NUM_TASKS = 8
NO_PICTURE = "no picture of that number"
_PLUS_OFFSET = -1


@dataclass
class _Tally:
    """What is summed over the recordings."""

    hits: Counter[int] = field(default_factory=Counter)
    """Offset to the number of labelled frames that it gives a picture."""
    labelled: int = 0
    uncoded: int = 0
    occluded: int = 0


class Bp4d:
    """Reads BP4D, its FERA 2015 variant, and BP4D+."""

    layout: Layout = "bp4d"

    def recognises(self, source: Path) -> bool:
        """Whether there are tables such as F001_T1.csv."""
        return bool(label_roots(scan_folders(source, leaves=SUBJECT)))

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """See `Adapter.read`."""
        findings = Collector(source)
        names = options.label_names or LABELS
        found = find_files(source, findings=findings)
        parser = LabelParser(rule=ValueRule(highest=1, advice=_INTENSITY_ADVICE), findings=findings)
        offset = options.frame_offset
        if offset is None:
            offset = _PLUS_OFFSET if found.is_plus else 0
        base = 1 if options.landmark_base is None else options.landmark_base
        tally = _Tally()
        recordings = []
        if found.picture_root:
            for labels in _label_tables(found, names=names, parser=parser, findings=findings):
                recording = _recording(
                    labels, found=found, offset=offset, base=base, tally=tally, findings=findings
                )
                recordings += [recording] if recording else []
        _report(tally, offset=offset, found=found, chosen=options.frame_offset, findings=findings)
        if not found.is_plus:
            _report_tasks([recording.name for recording in recordings], findings=findings)
        variant = "BP4D+" if found.is_plus else "FERA 2015" if found.is_fera else "AU_OCC"
        parts = {} if found.is_plus else PUBLISHED_PARTS["bp4d"]
        return finish(
            SourceReading(
                layout="bp4d",
                variant=variant,
                kind="au",
                label_names=tuple(names),
                recordings=tuple(recordings),
                findings=(),
                parameters={"frame_offset": offset, "landmark_base": base},
                published=None if found.is_plus else PUBLISHED,
                missing_codes=dict(parser.missing),
            ),
            source=source,
            parts=parts,
            findings=findings,
            swap_axes=options.swap_axes,
        )


_INTENSITY_ADVICE = "Are these intensities? Take the occurrence tables, AU_OCC"


def _label_tables(
    found: Bp4dFiles, *, names: Sequence[str], parser: LabelParser, findings: Collector
) -> list[Bp4dLabels]:
    report_no_files(found.label_root, are_meant=LABEL_FILE.fullmatch, findings=findings)
    tables = []
    file_of: dict[str, str] = {}
    for file in found.label_root.matching_files(LABEL_FILE):
        name = file.rpartition(".")[0].upper()
        known = file_of.setdefault(name, file)
        if known != file:
            findings.refuse(
                "label_file_twice",
                f"{known} and {file} are both of {name}; expected one table: remove the copy",
                at=found.label_root.path,
            )
            continue
        table = read_occurrence(
            found.label_root.path / file,
            names=names,
            has_occlusion_flag=found.is_fera,
            parser=parser,
            findings=findings,
        )
        tables += [table] if table else []
    return tables


def _recording(
    labels: Bp4dLabels,
    *,
    found: Bp4dFiles,
    offset: int,
    base: int,
    tally: _Tally,
    findings: Collector,
) -> Recording | None:
    subject, task = labels.name.split("_")
    assert found.picture_root is not None
    folder = _subfolder(_subfolder(found.picture_root, subject), task)
    if not folder.is_dir():
        report_gone(labels, findings=findings)
        findings.warn("no_pictures_of_recording", f"no folder {subject}/{task}", at=labels.path)
        return None
    pictures = numbered_pictures(folder, findings=findings)
    pictured = [picture - offset for picture in pictures]
    report_gone(labels, pictured=pictured, findings=findings)
    number_N = labels.table.number_N
    numbers = set(number_N.tolist())
    for candidate in (-1, 0, 1):
        tally.hits[candidate] += sum(number + candidate in pictures for number in numbers)
    tally.labelled += len(number_N)
    tally.uncoded += sum(number not in numbers for number in pictured)
    tally.occluded += len(labels.occluded)
    has_N = np.fromiter((number + offset in pictures for number in number_N.tolist()), bool)
    left_out = Counter({"occluded": len(labels.occluded), NO_PICTURE: int((~has_N).sum())})
    if not has_N.all():
        lacking = number_N[~has_N]
        findings.warn(
            "picture_missing",
            f"{len(lacking)} of {len(number_N)} labelled frames have no picture, such as "
            f"{ranges_in_words(lacking.tolist())}",
            at=folder,
            count=len(lacking),
        )
    kept_N = number_N[has_N]
    if not len(kept_N):
        return None
    return Recording(
        name=labels.name,
        subject=subject,
        pictures=ImageFiles(paths=tuple(pictures[number + offset] for number in kept_N.tolist())),
        number_N=kept_N,
        labels_NA=labels.table.values_NA[has_N],
        landmarks_NL2=_landmarks(labels.name, kept_N, found=found, base=base, findings=findings),
        fps=FPS,
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _subfolder(parent: Path, name: str) -> Path:
    """The folder of that name in any mixture of capitals."""
    exact = parent / name
    if exact.is_dir() or not parent.is_dir():
        return exact
    return next(
        (parent / other for other in list_folder(parent).folders if other.upper() == name), exact
    )


def _landmarks(
    name: str, number_N: NDArray[np.int64], *, found: Bp4dFiles, base: int, findings: Collector
) -> NDArray[np.float32] | None:
    if found.landmark_root is None:
        return None
    files = {file.rpartition(".")[0].upper(): file for file in found.landmark_root.files}
    path = found.landmark_root.path / files.get(name, f"{name}.mat")
    try:
        points_NL2 = read_tracked_points(path, entries=(number_N - 1).tolist())
    except UnreadableError as error:
        findings.warn("landmark_file", f"{error}; its frames have no landmarks", at=path)
        return None
    missing = int(np.isnan(points_NL2).any(axis=(1, 2)).sum())
    if missing:
        findings.warn(
            "landmarks_missing",
            f"{missing} of {len(number_N)} labelled frames have no landmarks",
            at=path,
            count=missing,
        )
    return points_NL2 - np.float32(base)


def _report(
    tally: _Tally, *, offset: int, found: Bp4dFiles, chosen: int | None, findings: Collector
) -> None:
    best = max((-1, 0, 1), key=lambda candidate: (tally.hits[candidate], candidate == offset))
    if tally.hits[best] > tally.hits[offset]:
        findings.warn(
            "frame_offset",
            f"with --frame-offset {offset} {tally.hits[offset]} of {tally.labelled} labelled "
            f"frames have a picture, with {best} {tally.hits[best]}: look at some frames, then "
            "choose",
        )
    elif found.is_plus and chosen is None:
        findings.note(
            "frame_offset_of_bp4d_plus",
            f"frame {1 - offset} of the tables is taken to be picture 1, as users of BP4D+ report; "
            "choose with --frame-offset",
        )
    if tally.uncoded:
        findings.note(
            "segment",
            f"{counted(tally.uncoded, 'picture')} outside of the coded segments, not used",
            count=tally.uncoded,
        )
    if tally.occluded:
        findings.note(
            "occluded",
            f"{counted(tally.occluded, 'frame')} left out, as the last column says 1 (face "
            "occluded)",
            count=tally.occluded,
        )
    _report_extra(found, findings=findings)


def _report_tasks(names: Sequence[str], *, findings: Collector) -> None:
    """Each subject has eight recordings."""
    subjects = sorted({name.partition("_")[0] for name in names})
    whole = [f"{subject}_T{task}" for subject in subjects for task in range(1, NUM_TASKS + 1)]
    absent = sorted(set(whole) - set(names))
    if absent:
        findings.warn(
            "partial_copy",
            f"{len(whole) - len(absent)} of the {len(whole)} recordings of these subjects are "
            "there; not there, or without a table or pictures that can be used: "
            f"{names_in_words(absent)}",
            count=len(absent),
        )


def _report_extra(found: Bp4dFiles, *, findings: Collector) -> None:
    """Subjects with pictures but no table."""
    if found.picture_root is None:
        return
    try:
        pictured = {
            name.upper() for name in list_folder(found.picture_root).matching_folders(SUBJECT)
        }
    except OSError:
        return
    coded = {name[:4].upper() for name in found.label_root.matching_files(LABEL_FILE)}
    report_subjects(sorted(pictured - coded), findings=findings)
