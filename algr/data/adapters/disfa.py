"""DISFA: intensities in text files, videos or pictures, a MATLAB file of landmarks per frame."""

# Shape suffixes: N = frames of a subject, A = action units, L = landmarks (49), 2 = x, y.

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algr.data.adapters.base import (
    Layout,
    PublishedCounts,
    ReadOptions,
    Recording,
    SourceReading,
)
from algr.data.adapters.collect import Collector
from algr.data.adapters.counts import finish, report_subjects
from algr.data.adapters.disfa_labels import frames_of, read_intensities
from algr.data.adapters.disfa_landmarks import landmark_folders
from algr.data.adapters.disfa_origin import from_one, report_from_0
from algr.data.adapters.disfa_pictures import (
    SUBJECT,
    Matched,
    Sources,
    find_pictures,
    match_folder,
    match_video,
)
from algr.data.adapters.disfa_recording import TRACKER_ERROR, landmark_base, make_recording
from algr.data.adapters.folders import Folder, list_folder, names_in_words, scan_folders
from algr.data.adapters.pictures import ranges_in_words
from algr.data.adapters.tables import LabelParser, LabelTable, ValueRule
from algr.data.published import PUBLISHED_PARTS
from algr.data.words import counted

LABELS = ("AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26")
"""The action units of the paper's Table 3."""
PUBLISHED = PublishedCounts(
    subjects=27,
    frames=126_144,
    source="26 subjects of 4,845 frames and one of 4,844, less the 4,670 of the tracker error log; "
    "the lists of PyTorch-JAANet leave out the same frames",
)
_LABEL_FILE = re.compile(r"SN\d{3}_au(\d{1,2})\.(?:txt|csv)", re.IGNORECASE)
_LEAF = re.compile(r"(?:(?:left|right)video)?SN\d{3}(?:_comp)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Found:
    labels: dict[str, Path]
    """Subject to the folder of its label files."""
    pictures: Sources
    landmarks: dict[str, Path]


class Disfa:
    """Reads DISFA."""

    layout: Layout = "disfa"

    def recognises(self, source: Path) -> bool:
        """Whether there are files such as SN001/SN001_au1.txt."""
        return bool(_label_folders(scan_folders(source, leaves=_LEAF), limit=2))

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """See `Adapter.read`."""
        findings = Collector(source)
        names = options.label_names or LABELS
        found = _find(source, options=options, findings=findings)
        parser = LabelParser(rule=ValueRule(highest=5), findings=findings)
        recordings, offsets = [], Counter[int]()
        last_of: dict[str, int] = {}
        from_0: dict[str, int] = {}
        for subject, path in sorted(found.labels.items()):
            intensities = read_intensities(
                list_folder(path), subject=subject, names=names, parser=parser, findings=findings
            )
            if intensities is None:
                continue
            table = from_one(
                intensities,
                subject=subject,
                pictures=_folder_of(subject, found.pictures),
                at=path,
                findings=findings,
            )
            last = int(table.number_N[-1])
            if last > intensities.table.number_N[-1]:
                from_0[subject] = last - 1
            _check_rows(subject, table, at=path, findings=findings)
            matched = _match(subject, table, found=found, options=options, findings=findings)
            if matched is None:
                continue
            offsets[matched.offset] += 1
            recording = make_recording(
                subject,
                table,
                matched,
                landmarks=found.landmarks,
                options=options,
                findings=findings,
            )
            if recording:
                recordings.append(recording)
                last_of[subject] = last
        report_from_0(from_0, findings=findings)
        _report_short(last_of, findings=findings)
        if options.label_names:
            _refuse_absent(options.label_names, found.labels, findings=findings)
        _report(recordings, offsets=offsets, found=found, findings=findings)
        return finish(
            SourceReading(
                layout="disfa",
                variant=_variant(found, options=options),
                kind="au",
                label_names=tuple(names),
                recordings=tuple(recordings),
                findings=(),
                parameters={
                    "threshold": options.threshold,
                    "camera": options.camera,
                    "landmark_base": landmark_base(options),
                    "frame_offset": options.frame_offset,
                    "keep_tracker_errors": options.keep_tracker_errors,
                },
                published=PUBLISHED,
                missing_codes=dict(parser.missing),
            ),
            source=source,
            parts=PUBLISHED_PARTS["disfa"],
            findings=findings,
            swap_axes=options.swap_axes,
        )


def _variant(found: _Found, *, options: ReadOptions) -> str:
    if found.pictures.video_of:
        return f"videos of the {options.camera} camera"
    return "folders of pictures"


def _label_folders(folders: Sequence[Folder], *, limit: int | None = None) -> dict[str, list[Path]]:
    """Subject to the folders that hold files such as SN001_au1.txt."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for name in folder.matching_folders(SUBJECT)[:limit]:
            try:
                files = list_folder(folder.path / name).matching_files(_LABEL_FILE)
            except OSError:
                continue
            if files:
                found.setdefault(name.upper(), []).append(folder.path / name)
    return found


def _find(source: Path, *, options: ReadOptions, findings: Collector) -> _Found:
    folders = scan_folders(source, leaves=_LEAF, findings=findings)
    labels: dict[str, Path] = {}
    for subject, paths in _label_folders(folders).items():
        labels[subject] = paths[0]
        if len(paths) > 1:
            places = names_in_words([findings.place(path) for path in paths])
            findings.refuse(
                "several_label_folders",
                f"{subject}: labels stand in {places}; expected one folder",
            )
    if not labels:
        findings.refuse("no_labels", "no file such as ActionUnit_Labels/SN001/SN001_au1.txt")
    pictures = find_pictures(folders, camera=options.camera, findings=findings)
    if not pictures.video_of and not pictures.folder_of:
        findings.refuse(
            "no_pictures",
            "no video such as Videos_LeftCamera/LeftVideoSN001_comp.avi and no folder SN001 with "
            "pictures is there",
        )
    landmarks = landmark_folders(folders, findings=findings)
    if not landmarks:
        findings.warn(
            "no_landmarks",
            "no Landmark_Points/SN001/tmp_frame_lm is there; landmarks have to be detected",
        )
    elif options.camera == "right":
        findings.warn(
            "landmarks_of_the_left_camera",
            "Landmark_Points are made from the left camera; check that they fit the right one",
        )
    pictured = set(pictures.video_of) | set(pictures.folder_of)
    report_subjects(sorted(pictured - set(labels)), findings=findings)
    return _Found(labels=labels, pictures=pictures, landmarks=landmarks)


def _check_rows(subject: str, table: LabelTable, *, at: Path, findings: Collector) -> None:
    """Frames are numbered from 1 without gaps."""
    number_N = table.number_N
    last = int(number_N.max())
    lacking = np.setdiff1d(np.arange(1, last + 1), number_N)
    if len(lacking):
        findings.warn(
            "label_rows",
            f"{len(lacking)} of {last} frames have no labels: {ranges_in_words(lacking.tolist())}",
            at=at,
            count=len(lacking),
        )
    if last > frames_of(subject):
        findings.warn(
            "label_surplus",
            f"the labels go to frame {last}; a full copy ends with {frames_of(subject)}",
            at=at,
        )


def _folder_of(subject: str, pictures: Sources) -> Path | None:
    """Of its pictures, where they are used."""
    return None if subject in pictures.video_of else pictures.folder_of.get(subject)


def _refuse_absent(
    names: Sequence[str], labels: Mapping[str, Path], *, findings: Collector
) -> None:
    """Action units that were asked for and that no subject has a file of."""
    matches = [
        _LABEL_FILE.fullmatch(file) for path in labels.values() for file in list_folder(path).files
    ]
    there = {f"AU{int(matched[1])}" for matched in matches if matched}
    absent = [name for name in names if name not in there]
    if absent and there:
        findings.refuse(
            "label_column",
            f"no subject has a file of {', '.join(absent)}; choose with --labels among those that "
            f"are there: {', '.join(sorted(there, key=lambda name: int(name[2:])))}",
        )


def _report_short(last_of: Mapping[str, int], *, findings: Collector) -> None:
    short = [subject for subject, last in last_of.items() if last < frames_of(subject)]
    if short:
        first = short[0]
        findings.warn(
            "partial_copy",
            f"the labels of {counted(len(short), 'subject')} end early, such as those of {first} "
            f"with frame {last_of[first]} of {frames_of(first)}",
            count=len(short),
        )


def _match(
    subject: str,
    table: LabelTable,
    *,
    found: _Found,
    options: ReadOptions,
    findings: Collector,
) -> Matched | None:
    if subject in found.pictures.video_of:
        return match_video(
            found.pictures.video_of[subject], table.number_N, offset=options.frame_offset
        )
    if subject in found.pictures.folder_of:
        return match_folder(
            found.pictures.folder_of[subject],
            table.number_N,
            offset=options.frame_offset,
            findings=findings,
        )
    if found.pictures.video_of or found.pictures.folder_of:
        findings.warn(
            "no_pictures_of_recording",
            f"{subject} has labels, but neither a video nor a folder of pictures",
        )
    return None


def _report(
    recordings: Sequence[Recording],
    *,
    offsets: Counter[int],
    found: _Found,
    findings: Collector,
) -> None:
    lost = sum(recording.left_out.get(TRACKER_ERROR, 0) for recording in recordings)
    if lost:
        findings.note(
            "tracker_errors",
            f"{lost} frames that the tracker error log names are left out; keep them with "
            "--keep-tracker-errors",
            count=lost,
        )
    if len(offsets) > 1 and not (found.pictures.video_of and found.pictures.folder_of):
        findings.warn(
            "frame_origin_differs",
            f"the pictures of {offsets[-1]} subjects count from 0, those of {offsets[0]} from 1; "
            "each is read as it counts",
        )
