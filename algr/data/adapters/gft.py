"""GFT: groups of three people at one table, an occurrence table and pictures for each of them."""

# Shape suffixes: N = frames of a recording, A = action units, L = landmarks (49), 2 = x, y.

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import (
    ImageFiles,
    Layout,
    PublishedCounts,
    ReadOptions,
    Recording,
    SourceReading,
    VideoFile,
)
from algr.data.adapters.bp4d_labels import Bp4dLabels, read_occurrence, report_gone
from algr.data.adapters.collect import Collector
from algr.data.adapters.counts import finish, report_subjects
from algr.data.adapters.folders import (
    Folder,
    list_folder,
    names_in_words,
    report_no_files,
    scan_folders,
)
from algr.data.adapters.pictures import (
    is_picture,
    is_video,
    numbered_pictures,
    ranges_in_words,
)
from algr.data.adapters.tables import LabelParser, ValueRule
from algr.data.landmarks import read_landmark_csv
from algr.data.words import counted
from algr.errors import DataError
from algr.faces import NUM_LANDMARKS

LABELS = ("AU1", "AU2", "AU4", "AU6", "AU7", "AU9", "AU10", "AU12", "AU15", "AU17", "AU23", "AU24")
"""Those coded in GFT for which the network has a region."""
PUBLISHED = PublishedCounts(
    subjects=96, frames=172_800, source="osf.io/7wcyz: 32 groups of 3, one minute each"
)
FPS = 30.0
NO_PICTURE = "no picture of that number"
_PERSON = re.compile(r"\d{3}[A-C]", re.IGNORECASE)
_LABEL_FILE = re.compile(r"(\d{3}[A-C])\.csv", re.IGNORECASE)
_LANDMARK_FOLDER = re.compile(r".*landmark.*", re.IGNORECASE)
_INTENSITY_FOLDER = re.compile(r".*intens.*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Found:
    labels: dict[str, list[Path]]
    folders: dict[str, list[Path]]
    videos: dict[str, list[Path]]
    landmarks: dict[str, list[Path]]


class Gft:
    """Reads GFT."""

    layout: Layout = "gft"

    def recognises(self, source: Path) -> bool:
        """Whether there are tables such as 001A.csv."""
        return any(
            folder.matching_files(_LABEL_FILE)
            for folder in scan_folders(source, leaves=_PERSON)
            if _role(folder, source) == "labels"
        )

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """See `Adapter.read`."""
        findings = Collector(source)
        names = options.label_names or LABELS
        found = _find(source, findings=findings)
        parser = LabelParser(rule=ValueRule(highest=1), findings=findings)
        offset = 0 if options.frame_offset is None else options.frame_offset
        base = 0 if options.landmark_base is None else options.landmark_base
        recordings = []
        for _, paths in sorted(found.labels.items()):
            labels = read_occurrence(
                paths[0], names=names, has_occlusion_flag=False, parser=parser, findings=findings
            )
            if labels is None:
                continue
            recording = _recording(labels, found=found, offset=offset, base=base, findings=findings)
            recordings += [recording] if recording else []
        groups = {recording.group for recording in recordings}
        if groups:
            findings.note(
                "groups", f"{counted(len(groups), 'group')}, each on one side of every fold"
            )
        return finish(
            SourceReading(
                layout="gft",
                variant="videos" if found.videos else "folders of pictures",
                kind="au",
                label_names=tuple(names),
                recordings=tuple(recordings),
                findings=(),
                parameters={"frame_offset": offset, "landmark_base": base},
                published=PUBLISHED,
                missing_codes=dict(parser.missing),
            ),
            source=source,
            parts={},
            findings=findings,
            swap_axes=options.swap_axes,
        )


def _find(source: Path, *, findings: Collector) -> _Found:
    found = _Found(labels={}, folders={}, videos={}, landmarks={})
    for folder in scan_folders(source, leaves=_PERSON, findings=findings):
        role = _role(folder, source)
        if role != "intensities":
            report_no_files(folder, are_meant=_LABEL_FILE.fullmatch, findings=findings)
            _take(
                folder, tables=found.landmarks if role == "landmarks" else found.labels, found=found
            )
    _refuse_several(found, findings=findings)
    if not found.labels:
        findings.refuse("no_labels", "no table such as AU_Occurrence/001A.csv is there")
    if not found.folders and not found.videos:
        findings.refuse("no_pictures", "no folder such as 001A with pictures and no 001A.avi")
    if not found.landmarks:
        findings.warn(
            "no_landmarks",
            "no Landmarks/001A.csv is there; landmarks have to be detected",
        )
    pictured = set(found.folders) | set(found.videos)
    report_subjects(sorted(pictured - set(found.labels)), findings=findings)
    return found


def _role(folder: Folder, source: Path) -> Literal["labels", "landmarks", "intensities"]:
    """What tables of a folder hold, by its name; that of the source itself says nothing."""
    name = "" if folder.path == source else folder.path.name
    if _INTENSITY_FOLDER.fullmatch(name):
        return "intensities"
    return "landmarks" if _LANDMARK_FOLDER.fullmatch(name) else "labels"


def _take(folder: Folder, *, tables: dict[str, list[Path]], found: _Found) -> None:
    """Enter what stands in one folder."""
    for name in folder.files:
        stem = name.rpartition(".")[0]
        if _LABEL_FILE.fullmatch(name):
            tables.setdefault(stem.upper(), []).append(folder.path / name)
        elif _PERSON.fullmatch(stem) and is_video(name):
            found.videos.setdefault(stem.upper(), []).append(folder.path / name)
    for name in folder.matching_folders(_PERSON):
        if _has_pictures(folder, name):
            found.folders.setdefault(name.upper(), []).append(folder.path / name)


def _has_pictures(folder: Folder, name: str) -> bool:
    try:
        return any(is_picture(file) for file in list_folder(folder.path / name).files)
    except OSError:
        return False


def _refuse_several(found: _Found, *, findings: Collector) -> None:
    pictures = {
        name: [*found.folders.get(name, ()), *found.videos.get(name, ())]
        for name in {*found.folders, *found.videos}
    }
    for code, what, paths_of in (
        ("label_file_twice", "labels", found.labels),
        ("several_pictures", "pictures", pictures),
        ("several_landmark_files", "landmarks", found.landmarks),
    ):
        for name, paths in sorted(paths_of.items()):
            if len(paths) > 1:
                places = names_in_words([findings.place(path) for path in paths])
                findings.refuse(code, f"{name}: {what} stand in {places}; expected one of them")


def _recording(
    labels: Bp4dLabels, *, found: _Found, offset: int, base: int, findings: Collector
) -> Recording | None:
    number_N = labels.table.number_N
    pictured: list[int] = []
    pictures: ImageFiles | VideoFile
    if labels.name in found.folders:
        folder = found.folders[labels.name][0]
        path_of = numbered_pictures(folder, findings=findings)
        pictured = [number - offset for number in path_of]
        has_N = np.fromiter((number + offset in path_of for number in number_N.tolist()), bool)
        kept = (number_N[has_N] + offset).tolist()
        pictures = ImageFiles(paths=tuple(path_of[number] for number in kept))
    elif labels.name in found.videos:
        index_N = number_N - 1 + offset
        has_N = index_N >= 0
        pictures = VideoFile(
            path=found.videos[labels.name][0],
            index_N=index_N[has_N],
            frames_labelled=int(index_N.max()) + 1,
        )
    else:
        findings.warn(
            "no_pictures_of_recording", "neither a folder of pictures nor a video", at=labels.path
        )
        return None
    report_gone(labels, pictured=pictured, findings=findings)
    lacking = number_N[~has_N]
    if len(lacking):
        findings.warn(
            "picture_missing",
            f"{len(lacking)} of {len(number_N)} labelled frames have no picture, such as "
            f"{ranges_in_words(lacking.tolist())}",
            at=labels.path,
            count=len(lacking),
        )
    if not has_N.any():
        return None
    return Recording(
        name=labels.name,
        subject=labels.name,
        group=labels.name[:3],
        pictures=pictures,
        number_N=number_N[has_N],
        labels_NA=labels.table.values_NA[has_N],
        landmarks_NL2=_landmarks(
            labels.name, number_N[has_N], found=found, base=base, findings=findings
        ),
        fps=FPS,
        left_out={NO_PICTURE: len(lacking)} if len(lacking) else {},
    )


def _landmarks(
    name: str, number_N: NDArray[np.int64], *, found: _Found, base: int, findings: Collector
) -> NDArray[np.float32] | None:
    if name not in found.landmarks:
        if found.landmarks:
            findings.warn("no_landmarks_of_recording", f"{name} has no file of landmarks")
        return None
    path = found.landmarks[name][0]
    try:
        track = read_landmark_csv(path)
    except DataError as error:
        findings.warn("landmark_file", error.in_one_line, at=path)
        return None
    return tracked(track.frames, track.points_FL2, number_N) - np.float32(base)


def tracked(
    frames: Sequence[int] | NDArray[np.int64],
    points_FL2: NDArray[np.float32],
    number_N: NDArray[np.int64],
) -> NDArray[np.float32]:
    """(N, 49, 2) landmarks of these frames; NaN where the track has none."""
    frames_F = np.asarray(frames, np.int64)
    points_NL2 = np.full((len(number_N), NUM_LANDMARKS, 2), np.nan, np.float32)
    if len(frames_F):
        place_N = np.clip(np.searchsorted(frames_F, number_N), 0, len(frames_F) - 1)
        known_N = frames_F[place_N] == number_N
        points_NL2[known_N] = points_FL2[place_N[known_N]]
    return points_NL2
