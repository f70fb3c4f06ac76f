"""Traps: what is wrong with copies of data sets on real disks, planted on purpose and written down.

Which recordings a trap is planted in depends on the numbers of subjects and recordings alone, so
that traps do not move when others are added.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from algr.errors import UsageError
from algr.seeding import derive_seed

Layout = Literal["fpara", "bp4d", "disfa"]
Planted = dict[str, dict[str, object]]
"""Trap to what was planted for it: counts, and files relative to the folder."""

TRAPS: dict[str, tuple[Layout, ...]] = {
    "padding": ("bp4d",),
    "offset": ("bp4d", "disfa"),
    "nines": ("bp4d", "disfa"),
    "missing_landmarks": ("fpara", "bp4d", "disfa"),
    "duplicate_frames": ("fpara", "bp4d", "disfa"),
    "two_subjects": ("bp4d", "disfa"),
    "patient_in_two_files": ("fpara",),
    "rotated_video": ("fpara",),
    "variable_frame_rate": ("fpara",),
    "surplus_frames": ("disfa",),
    "truncated": ("bp4d", "disfa"),
    "bad_mat": ("bp4d", "disfa"),
    "swapped_axes": ("bp4d", "disfa"),
    "one_based": ("bp4d", "disfa"),
}
"""Each trap with the layouts that it makes sense in."""
_WHY_NOT = {
    ("rotated_video", "disfa"): "an AVI file has no display matrix",
    ("variable_frame_rate", "disfa"): "an AVI file has one frame rate",
}
_IN_ONE_RECORDING = ("nines", "missing_landmarks", "bad_mat", "duplicate_frames", "truncated")
_SURPLUS_FRAMES = 4
_TWIN = 1
"""The subject who is subject 0 under another name; always of another published part."""


def choose_traps(names: Sequence[str], *, layout: Layout) -> tuple[str, ...]:
    """The traps that were asked for, in the order of `TRAPS`; `all` stands for those that fit.

    Raises:
        UsageError: A trap is unknown or does not fit the layout.
    """
    fitting = [name for name, layouts in TRAPS.items() if layout in layouts]
    problems = []
    for name in names:
        if name == "all" or name in fitting:
            continue
        if name in TRAPS:
            reason = _WHY_NOT.get((name, layout), f"it is one of {', '.join(TRAPS[name])}")
            problems.append(f"{name}: {layout} has no such trap, {reason}")
            continue
        near = difflib.get_close_matches(name, TRAPS, n=1)
        problems.append(f"{name}: unknown trap" + (f"; did you mean {near[0]}?" if near else ""))
    if problems:
        raise UsageError(
            "The traps cannot be planted as asked",
            problems=problems,
            expected=f"all, or some of {', '.join(fitting)}",
        )
    return tuple(name for name in fitting if "all" in names or name in names)


@dataclass(frozen=True, kw_only=True)
class Flaws:
    """What is wrong with one recording of BP4D or DISFA; by default nothing.

    Attributes:
        digits: Least number of digits in the names of pictures.
        shift: BP4D: added to the numbers of pictures; DISFA: added to those of the labels.
        nines: Action unit to the first frame and the one after the last that are not coded.
        empty: Frames whose landmarks are not there at all.
        nan: Frames whose landmarks are not a number.
        repeated: Frames that show the picture of the frame before.
        surplus: Frames of the video after the last label.
        cut_labels: A label file ends in the middle of a row.
        bad_mat: A landmark file is cut off.
        swapped_axes: Landmarks are y, x.
        pixel_base: What landmarks count pixels from; 1 is right.
    """

    digits: int = 4
    shift: int = 0
    nines: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    empty: tuple[int, ...] = ()
    nan: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    surplus: int = 0
    cut_labels: bool = False
    bad_mat: bool = False
    swapped_axes: bool = False
    pixel_base: int = 1


def plan_flaws(
    traps: Sequence[str],
    *,
    subjects: int,
    recordings_each: int,
    frames: int,
    units: Sequence[int],
    seed: int,
) -> dict[tuple[int, int], Flaws]:
    """What is wrong with each recording, by the numbers of subject and recording.

    Args:
        traps: From `choose_traps`.
        subjects: Number of subjects.
        recordings_each: Recordings of each subject.
        frames: Coded frames of each recording.
        units: Action units that may become nines.
        seed: Seed of which frames are touched.

    Raises:
        UsageError: There are too few subjects or recordings for a trap.
    """
    _check_room(traps, subjects=subjects, recordings=subjects * recordings_each)
    flaws = {}
    for subject in range(subjects):
        for number in range(recordings_each):
            index = subject * recordings_each + number
            flaws[subject, number] = Flaws(
                digits=(4, 3, 0)[index % 3] if "padding" in traps else 4,
                shift=-1 if "offset" in traps and subject == subjects - 1 else 0,
                swapped_axes="swapped_axes" in traps and subject == (subjects - 2) % subjects,
                pixel_base=int("one_based" not in traps or subject != (subjects - 3) % subjects),
                surplus=_SURPLUS_FRAMES if "surplus_frames" in traps and subject == 0 else 0,
            )
    place = 2
    for name in _IN_ONE_RECORDING:
        for changes in _changes(name, frames=frames, units=units, seed=seed):
            slot = (place % subjects, place % recordings_each)
            if name in traps:
                flaws[slot] = replace(flaws[slot], **changes)
            place += 1
    if "two_subjects" in traps:
        _share_pictures(flaws)
    return flaws


def _share_pictures(flaws: dict[tuple[int, int], Flaws]) -> None:
    """Make the first recording and its copy have the same pictures."""
    first, copy = (0, 0), (_TWIN, 0)
    repeated = flaws[first].repeated or flaws[copy].repeated
    surplus = max(flaws[first].surplus, flaws[copy].surplus)
    for slot in (first, copy):
        flaws[slot] = replace(flaws[slot], repeated=repeated, surplus=surplus)


def _check_room(traps: Sequence[str], *, subjects: int, recordings: int) -> None:
    problems = []
    if "two_subjects" in traps and subjects < 2:
        problems.append(f"two_subjects: {subjects} subject; expected 2 or more")
    if {"bad_mat", "missing_landmarks"} <= set(traps) and recordings < 2:
        problems.append("bad_mat and missing_landmarks: 1 recording; expected 2 or more")
    if problems:
        raise UsageError("The traps cannot be planted as asked", problems=problems)


def _changes(
    name: str, *, frames: int, units: Sequence[int], seed: int
) -> tuple[dict[str, Any], ...]:
    """What a trap changes, in one recording each."""
    rng = np.random.default_rng(derive_seed(seed, "trap", name))
    if name == "nines":
        return tuple({"nines": _stretches(units, frames, rng)} for _ in range(2))
    if name == "missing_landmarks":
        picks = _some(range(frames), max(frames // 8, 2), rng)
        return ({"empty": picks[::2], "nan": picks[1::2]},)
    if name == "duplicate_frames":
        return ({"repeated": _some(range(1, frames, 2), max(frames // 10, 2), rng)},)
    return ({"cut_labels": True} if name == "truncated" else {"bad_mat": True},)


def person_of(subject: int, *, traps: Sequence[str]) -> int:
    """Number of the person who goes by the name of a subject."""
    return 0 if "two_subjects" in traps and subject == _TWIN else subject


def is_copy(subject: int, recording: int, *, traps: Sequence[str]) -> bool:
    """Whether a recording is subject 0's own, under the second name."""
    return "two_subjects" in traps and subject == _TWIN and recording == 0


def rows_before_cut(rows: int) -> int:
    """Whole rows of a label file that is cut."""
    return int(0.6 * rows)


def cut_in_a_row(text: str, *, header_lines: int) -> str:
    """A table that ends in the middle of a row."""
    lines = text.splitlines(keepends=True)
    whole = header_lines + rows_before_cut(len(lines) - header_lines)
    return "".join(lines[:whole]) + lines[whole][: len(lines[whole]) // 2 + 1].rstrip("\n")


def _stretches(
    units: Sequence[int], frames: int, rng: np.random.Generator
) -> dict[int, tuple[int, int]]:
    length = max(frames // 4, 2)
    picks = rng.choice(len(units), size=2, replace=False)
    starts = rng.integers(0, max(frames // 2 - length, 1), size=2)
    return {
        units[int(pick)]: (int(start), int(start) + length)
        for pick, start in zip(picks, starts, strict=True)
    }


def _some(candidates: Sequence[int], count: int, rng: np.random.Generator) -> tuple[int, ...]:
    picks = rng.choice(candidates, size=min(count, len(candidates)), replace=False)
    return tuple(sorted(int(pick) for pick in picks))
