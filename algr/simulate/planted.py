"""What the traps have left where, for the marker of a simulated BP4D or DISFA."""

from collections.abc import Callable, Sequence
from typing import Protocol

from algr.simulate.traps import Flaws, Planted, rows_before_cut


class Flawed(Protocol):
    """A recording with flaws; all paths are relative to the source."""

    @property
    def subject(self) -> str:
        """As the data set names it."""

    @property
    def person(self) -> int:
        """Number of the person."""

    @property
    def seed(self) -> int:
        """The same for a copy."""

    @property
    def coded(self) -> int:
        """Frames with labels."""

    @property
    def flaws(self) -> Flaws:
        """What is wrong."""

    @property
    def place(self) -> str:
        """Folder of the pictures, or the video."""

    @property
    def landmarks(self) -> str:
        """Landmark file, or the folder of such files."""

    @property
    def cut_file(self) -> str:
        """The label file that would be cut."""

    @property
    def bad_file(self) -> str:
        """The landmark file that would be damaged."""

    @property
    def nines_files(self) -> tuple[str, ...]:
        """Label files with nines."""

    def picture_path(self, frame: int) -> str:
        """Of the frame's picture, frames counted from 0; the video has one path."""


Entry = dict[str, object]
Recordings = Sequence[Flawed]


def list_planted(recordings: Recordings, *, traps: Sequence[str]) -> Planted:
    """An entry for each trap: counts, and the files that it is in."""
    return {trap: _ENTRIES[trap](recordings) for trap in traps}


def _padding(recordings: Recordings) -> Entry:
    names = {4: "four_digits", 3: "three_digits", 0: "no_padding"}
    return {
        name: [part.place for part in recordings if part.flaws.digits == digits]
        for digits, name in names.items()
    }


def _offset(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.flaws.shift]
    return {
        "subjects": _subjects(touched),
        "shift": touched[0].flaws.shift,
        "frames": sum(part.coded for part in touched),
    }


def _nines(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.flaws.nines]
    return {
        "cells": sum(map(_count_nines, touched)),
        "files": [path for part in touched for path in part.nines_files],
    }


def _count_nines(part: Flawed) -> int:
    """Labels that were made 9 and stand before the end of a cut file."""
    count = 0
    for start, stop in part.flaws.nines.values():
        is_cut = part.flaws.cut_labels and part.cut_file in part.nines_files
        rows = rows_before_cut(part.coded) if is_cut else part.coded
        count += max(min(stop, rows) - min(start, rows), 0)
    return count


def _missing_landmarks(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.flaws.empty or part.flaws.nan]
    return {
        "empty": sum(len(part.flaws.empty) for part in touched),
        "nan": sum(len(part.flaws.nan) for part in touched),
        "files": [part.landmarks for part in touched],
    }


def _duplicate_frames(recordings: Recordings) -> Entry:
    paths = [part.picture_path(frame) for part in recordings for frame in part.flaws.repeated]
    return {"frames": len(paths), "files": list(dict.fromkeys(paths))}


def _two_subjects(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.person == 0]
    copy = next(part for part in touched[1:] if part.seed == touched[0].seed)
    return {
        "subjects": _subjects(touched),
        "same_recording": [touched[0].place, copy.place],
        "frames": copy.coded,
    }


def _truncated(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.flaws.cut_labels]
    whole = [rows_before_cut(part.coded) for part in touched]
    return {
        "files": [part.cut_file for part in touched],
        "whole_rows": sum(whole),
        "lost_rows": sum(part.coded for part in touched) - sum(whole),
    }


def _bad_mat(recordings: Recordings) -> Entry:
    return {"files": [part.bad_file for part in recordings if part.flaws.bad_mat]}


def _surplus_frames(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.flaws.surplus]
    return {
        "frames": sum(part.flaws.surplus for part in touched),
        "files": [part.place for part in touched],
    }


def _swapped_axes(recordings: Recordings) -> Entry:
    return _landmarks_of([part for part in recordings if part.flaws.swapped_axes])


def _one_based(recordings: Recordings) -> Entry:
    touched = [part for part in recordings if part.flaws.pixel_base != 1]
    return {**_landmarks_of(touched), "counted_from": touched[0].flaws.pixel_base}


def _landmarks_of(touched: Recordings) -> Entry:
    return {"subjects": _subjects(touched), "files": [part.landmarks for part in touched]}


def _subjects(touched: Recordings) -> list[str]:
    return sorted({part.subject for part in touched})


_ENTRIES: dict[str, Callable[[Recordings], Entry]] = {
    "padding": _padding,
    "offset": _offset,
    "nines": _nines,
    "missing_landmarks": _missing_landmarks,
    "duplicate_frames": _duplicate_frames,
    "two_subjects": _two_subjects,
    "surplus_frames": _surplus_frames,
    "truncated": _truncated,
    "bad_mat": _bad_mat,
    "swapped_axes": _swapped_axes,
    "one_based": _one_based,
}
