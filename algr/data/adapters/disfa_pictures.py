"""Pictures of DISFA: videos of either camera, or folders that count from 0 or from 1."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import ImageFiles, VideoFile
from algr.data.adapters.collect import Collector
from algr.data.adapters.folders import Folder, list_folder, names_in_words
from algr.data.adapters.pictures import is_picture, numbered_pictures

Camera = Literal["left", "right"]
SUBJECT = re.compile(r"SN\d{3}", re.IGNORECASE)
_VIDEO = re.compile(
    r"(left|right)video(SN\d{3})(?:_comp)?\.(?:avi|mp4|mov|mkv|mpg|mpeg)", re.IGNORECASE
)
_PICTURE_FOLDER = re.compile(r"(?:(left|right)video)?(SN\d{3})(?:_comp)?", re.IGNORECASE)
_PICTURE_NAME = re.compile(r"(?:.*\D)?(\d{1,9})")
MAX_SURPLUS_FRAMES = 15
"""Videos go on for about ten frames after the last label."""
VIDEO_OFFSET = -1
"""The first frame of the labels, 1, is the first of the video, 0."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the pictures of each subject lie."""

    video_of: dict[str, Path]
    folder_of: dict[str, Path]


def find_pictures(folders: Sequence[Folder], *, camera: Camera, findings: Collector) -> Sources:
    """The videos and picture folders of one camera, by subject."""
    videos: dict[str, dict[str, list[Path]]] = {"left": {}, "right": {}}
    pictures: dict[str, dict[str, list[Path]]] = {"left": {}, "right": {}}
    for folder in folders:
        for name in folder.files:
            if matched := _VIDEO.fullmatch(name):
                side, subject = matched[1].lower(), matched[2].upper()
                videos[side].setdefault(subject, []).append(folder.path / name)
        for name in folder.folders:
            if matched := _PICTURE_FOLDER.fullmatch(name):
                if not _has_pictures(folder.path / name):
                    continue
                side, subject = (matched[1] or camera).lower(), matched[2].upper()
                pictures[side].setdefault(subject, []).append(folder.path / name)
    other: Camera = "right" if camera == "left" else "left"
    if not videos[camera] and not pictures[camera] and (videos[other] or pictures[other]):
        findings.refuse(
            "camera",
            f"there are pictures of the {other} camera only; choose it with --camera {other}",
        )
    for kind in (videos, pictures):
        _refuse_several(kind[camera], findings=findings)
    both = sorted(set(videos[camera]) & set(pictures[camera]))
    if both:
        findings.warn(
            "videos_and_pictures",
            f"{names_in_words(both)}: both a video and a folder of pictures are there; the videos "
            "are used",
            count=len(both),
        )
    return Sources(
        video_of={subject: paths[0] for subject, paths in videos[camera].items()},
        folder_of={subject: paths[0] for subject, paths in pictures[camera].items()},
    )


def _has_pictures(path: Path) -> bool:
    try:
        return any(is_picture(name) for name in list_folder(path).files)
    except OSError:
        return False


def _refuse_several(paths_of: dict[str, list[Path]], *, findings: Collector) -> None:
    for subject, paths in sorted(paths_of.items()):
        if len(paths) > 1:
            places = names_in_words([findings.place(path) for path in paths])
            findings.refuse(
                "several_pictures",
                f"{subject}: pictures stand in {places}; expected one place: name a narrower "
                "--source, or move one away",
            )


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The pictures of those labelled frames that have one."""

    pictures: ImageFiles | VideoFile
    has_N: NDArray[np.bool_]
    """Of all labelled frames."""
    offset: int


def match_video(path: Path, number_N: NDArray[np.int64], *, offset: int | None) -> Matched:
    """The frames of a video; whether it is long enough shows when it is decoded."""
    used = VIDEO_OFFSET if offset is None else offset
    has_N = number_N + used >= 0
    return Matched(
        pictures=VideoFile(
            path=path,
            index_N=number_N[has_N] + used,
            frames_labelled=int(number_N.max()) + used + 1,
        ),
        has_N=has_N,
        offset=used,
    )


def match_folder(
    folder: Path,
    number_N: NDArray[np.int64],
    *,
    offset: int | None,
    findings: Collector,
) -> Matched | None:
    """The pictures of a folder, once it is known whether they count from 0 or from 1."""
    pictures = numbered_pictures(folder, findings=findings, number=_PICTURE_NAME)
    if not pictures:
        findings.warn("no_pictures_of_recording", "holds no picture", at=folder)
        return None
    used = offset
    if used is None:
        used = _origin(list(pictures), frames=int(number_N.max()))
    if used is None:
        lowest, highest = min(pictures), max(pictures)
        findings.refuse(
            "frame_origin",
            f"its pictures are numbered {lowest} to {highest}, the labels to {number_N.max()}: it "
            "cannot be told whether the first frame is picture 0 or 1; say so with --frame-offset "
            "-1 (picture 0) or --frame-offset 0 (picture 1)",
            at=folder,
        )
        return None
    surplus = sum(number > int(number_N.max()) + used for number in pictures)
    if surplus > MAX_SURPLUS_FRAMES:
        findings.warn(
            "surplus_pictures",
            f"{surplus} pictures come after the last labelled frame, {number_N.max()}; the numbers "
            "are kept and they are not used",
            at=folder,
            count=surplus,
        )
    has_N = np.fromiter((number + used in pictures for number in number_N.tolist()), bool)
    paths = tuple(pictures[number + used] for number in number_N[has_N].tolist())
    return Matched(pictures=ImageFiles(paths=paths), has_N=has_N, offset=used)


def _origin(numbers: Sequence[int], *, frames: int) -> int | None:
    """What to add to a label's number; None where names alone do not tell."""
    if min(numbers) == 0:
        return -1
    return 0 if min(numbers) == 1 and max(numbers) >= frames else None
