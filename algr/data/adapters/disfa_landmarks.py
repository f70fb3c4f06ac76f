"""`Landmark_Points` of DISFA: two spellings that count differently, and files too many."""

# Shape suffixes: N = frames of a subject, L = landmarks (49), 2 = x, y.

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.collect import Collector
from algr.data.adapters.disfa_pictures import SUBJECT
from algr.data.adapters.folders import Folder, list_folder, names_in_words, report_no_files
from algr.data.adapters.matlab import UnreadableError, read_frame_points
from algr.data.adapters.pictures import ranges_in_words
from algr.faces import NUM_LANDMARKS

_FROM_0 = re.compile(r"SN\d{3}_(\d{3,6})_lm\.mat", re.IGNORECASE)
_SUBJECT_LENGTH = 5
_FROM_1 = re.compile(r"l(\d{3,6})_lm\.mat", re.IGNORECASE)


def landmark_folders(folders: Sequence[Folder], *, findings: Collector) -> dict[str, Path]:
    """Subject to the folder of its landmark files."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for name in folder.matching_folders(SUBJECT):
            for path in (folder.path / name / "tmp_frame_lm", folder.path / name):
                if _holds_landmarks(path):
                    found.setdefault(name.upper(), []).append(path)
    for subject, paths in sorted(found.items()):
        if len(paths) > 1:
            places = names_in_words([findings.place(path) for path in paths])
            findings.refuse(
                "several_landmark_folders",
                f"{subject}: landmarks stand in {places}; expected one folder",
            )
    return {subject: paths[0] for subject, paths in found.items()}


def _holds_landmarks(path: Path) -> bool:
    try:
        names = list_folder(path).files
    except OSError:
        return False
    return any(map(_is_landmark_file, names))


def _is_landmark_file(name: str) -> bool:
    return bool(_FROM_0.fullmatch(name) or _FROM_1.fullmatch(name))


def read_landmarks(
    path: Path, number_N: NDArray[np.int64], *, last: int, findings: Collector
) -> NDArray[np.float32] | None:
    """Landmarks of the frames with these numbers, NaN where there are none.

    SN001_0000_lm.mat is of frame 1, l00001_lm.mat too.

    Args:
        path: Folder of one subject.
        number_N: Frames to read.
        last: Number of the last labelled frame.
        findings: Takes what is wrong.

    Returns:
        (N, 49, 2) as the files count their pixels; None where the folder cannot be used.
    """
    folder = list_folder(path)
    report_no_files(folder, are_meant=_is_landmark_file, findings=findings)
    files = _own_files(folder, findings=findings)
    from_0 = {int(m[1]) + 1: m[0] for name in files if (m := _FROM_0.fullmatch(name))}
    from_1 = {int(m[1]): m[0] for name in files if (m := _FROM_1.fullmatch(name))}
    if from_0 and from_1:
        findings.refuse(
            "landmark_spelling",
            f"holds {next(iter(from_0.values()))} and {next(iter(from_1.values()))}, two ways of "
            "counting; expected one of them",
            at=path,
        )
        return None
    file_of = from_0 or from_1
    _report_surplus(file_of, last=last, at=path, findings=findings)
    points_NL2 = np.full((len(number_N), NUM_LANDMARKS, 2), np.nan, np.float32)
    missing: list[int] = []
    without_place: list[int] = []
    for row, number in enumerate(number_N.tolist()):
        name = file_of.get(number)
        if name is None:
            missing.append(number)
            continue
        try:
            points_NL2[row] = read_frame_points(path / name)
        except UnreadableError as error:
            findings.warn("landmark_file", f"{error}; its frame is left out", at=path / name)
        else:
            without_place += [number] if np.isnan(points_NL2[row]).any() else []
    if missing:
        findings.warn(
            "landmarks_missing",
            f"{len(missing)} of {len(number_N)} frames have no landmark file, such as "
            f"{ranges_in_words(missing)}",
            at=path,
            count=len(missing),
        )
    if without_place:
        findings.warn(
            "landmarks_missing",
            f"{len(without_place)} of {len(number_N)} frames have landmarks without a place (NaN), "
            f"such as {ranges_in_words(without_place)}",
            at=path,
            count=len(without_place),
        )
    return points_NL2


def _own_files(folder: Folder, *, findings: Collector) -> list[str]:
    """Without landmark files that are named for another subject than their folder is."""
    of_folder = next(part for part in reversed(folder.path.parts) if SUBJECT.fullmatch(part))
    foreign = [
        name
        for name in folder.files
        if _FROM_0.fullmatch(name) and name[:_SUBJECT_LENGTH].upper() != of_folder.upper()
    ]
    if foreign:
        findings.warn(
            "landmark_of_another",
            f"{names_in_words(foreign, limit=3)}: named for another subject than the folder; "
            "not used",
            at=folder.path,
            count=len(foreign),
        )
    return [name for name in folder.files if name not in set(foreign)]


def _report_surplus(file_of: dict[int, str], *, last: int, at: Path, findings: Collector) -> None:
    """One file too many is known of DISFA; numbers are kept, so that nothing is shifted."""
    beyond = [number for number in file_of if number < 1]
    if beyond:
        findings.warn(
            "landmark_surplus",
            f"{file_of[beyond[0]]} belongs to no frame, since these files count from 1; it is not "
            "used",
            at=at,
        )
    after = len(file_of) - len(beyond) - last
    if after == 1 and max(file_of) > last:
        findings.warn(
            "landmark_surplus",
            f"{file_of[max(file_of)]} comes after the last labelled frame, {last}; the numbers are "
            "kept and it is not used. Where the first file is the one too many, all are shifted by "
            "one: look at some frames",
            at=at,
        )
