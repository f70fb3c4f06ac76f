"""Pictures of a recording by their numbers, however many zeros stand before them."""

import re
from collections.abc import Sequence
from pathlib import Path
from re import Pattern

from algr.data.adapters.collect import Collector, one_line
from algr.data.adapters.folders import Folder, list_folder, report_no_files
from algr.data.words import counted

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
VIDEO_ENDINGS = (".avi", ".mp4", ".mov", ".mkv", ".mts", ".m4v", ".wmv", ".mpg", ".mpeg", ".webm")
PLAIN_NUMBER = re.compile(r"(\d{1,9})")


def is_picture(name: str) -> bool:
    """Whether a file's name ends like that of a picture."""
    return name.lower().endswith(PICTURE_ENDINGS)


def is_video(name: str) -> bool:
    """Whether a file's name ends like that of a video."""
    return name.lower().endswith(VIDEO_ENDINGS)


def numbered_pictures(
    folder: Path, *, findings: Collector, number: Pattern[str] = PLAIN_NUMBER
) -> dict[int, Path]:
    """The pictures of a folder by number, ascending.

    Two pictures of one number, such as 0001.jpg and 1.jpg, are refused, since only one of them
    can belong to the labels. Pictures whose names hold no number are left alone, with a warning.

    Args:
        folder: Of one recording.
        findings: Takes what is wrong.
        number: Matches a whole name without its ending; its last group is the number.
    """
    try:
        listed = list_folder(folder)
    except OSError as error:
        findings.warn("folder_unreadable", f"cannot be read ({error.strerror or error})", at=folder)
        return {}
    return _by_number(listed, findings=findings, number=number)


def _by_number(folder: Folder, *, findings: Collector, number: Pattern[str]) -> dict[int, Path]:
    report_no_files(folder, are_meant=is_picture, findings=findings)
    name_of: dict[int, str] = {}
    strange: list[str] = []
    for name in folder.files:
        if not is_picture(name):
            continue
        matched = number.fullmatch(name.rpartition(".")[0])
        if not matched:
            strange.append(name)
            continue
        value = int(matched[matched.lastindex or 0])
        known = name_of.setdefault(value, name)
        if known != name:
            findings.refuse(
                "duplicate_picture",
                f"{one_line(known)} and {one_line(name)} both have the number {value}; expected "
                "one picture per frame: remove the copy",
                at=folder.path,
            )
    if strange:
        findings.warn(
            "picture_name",
            f"{counted(len(strange), 'picture')} not used, as a name that is no frame number, "
            f"such as {one_line(strange[0])}",
            at=folder.path,
            count=len(strange),
        )
    return {value: folder.path / name_of[value] for value in sorted(name_of)}


def ranges_in_words(numbers: Sequence[int], *, limit: int = 4) -> str:
    """Ascending numbers as a few ranges: 3-7, 9."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = [f"{a}" if a == b else f"{a}-{b}" for a, b in ranges[:limit]]
    return ", ".join(shown) + (" and others" if len(ranges) > limit else "")
