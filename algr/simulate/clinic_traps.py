"""Traps in a simulated clinic: files as phones, cameras and busy people leave them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from algr.seeding import derive_seed
from algr.simulate.traps import Planted
from algr.simulate.visits import Visit

_IN_ONE_VIDEO = ("rotated_video", "variable_frame_rate", "missing_landmarks", "duplicate_frames")
_OTHER_ID = 5
"""How far the second id of a patient is from the highest one."""


def plant(
    visits: Sequence[Visit], traps: Sequence[str], *, seed: int, video_fps: float
) -> tuple[Visit, ...]:
    """The visits with their flaws; one patient's first visit once more under another id.

    Each trap is in a video of its own where there are enough.
    """
    flawed = list(visits)
    for place, name in enumerate(_IN_ONE_VIDEO, start=1):
        if name in traps:
            index = place % len(flawed)
            visit = flawed[index]
            changes = _changes(name, frames=visit.frames(video_fps), seed=seed)
            flawed[index] = replace(visit, flaws=replace(visit.flaws, **changes))
    if "patient_in_two_files" in traps:
        highest = max(int(visit.patient_id[1:]) for visit in visits)
        flawed.append(replace(flawed[0], patient_id=f"P{highest + _OTHER_ID:04d}"))
    return tuple(flawed)


def _changes(name: str, *, frames: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(derive_seed(seed, "trap", name))
    if name == "rotated_video":
        return {"is_turned": True}
    if name == "variable_frame_rate":
        return {"is_uneven": True}
    if name == "duplicate_frames":
        return {"repeated": _some(range(1, frames, 2), rng)}
    lost = _some(range(frames), rng)
    return {"no_row": lost[::2], "no_points": lost[1::2]}


def _some(candidates: Sequence[int], rng: np.random.Generator) -> tuple[int, ...]:
    count = min(max(len(candidates) // 10, 2), len(candidates))
    return tuple(sorted(int(pick) for pick in rng.choice(candidates, size=count, replace=False)))


def list_planted(visits: Sequence[Visit], traps: Sequence[str]) -> Planted:
    """What the traps have left where, an entry for each."""
    lost = [visit for visit in visits if visit.flaws.no_row or visit.flaws.no_points]
    repeated = [visit for visit in visits if visit.flaws.repeated]
    entries: Planted = {
        "missing_landmarks": {
            "no_row": sum(len(visit.flaws.no_row) for visit in lost),
            "no_points": sum(len(visit.flaws.no_points) for visit in lost),
            "files": [visit.landmarks for visit in lost],
        },
        "duplicate_frames": {
            "frames": sum(len(visit.flaws.repeated) for visit in repeated),
            "files": [visit.video for visit in repeated],
        },
        "patient_in_two_files": {
            "patients": [visits[0].patient_id, visits[-1].patient_id],
            "files": [visits[0].video, visits[-1].video],
        },
        "rotated_video": {
            "degrees": 90,
            "files": [visit.video for visit in visits if visit.flaws.is_turned],
        },
        "variable_frame_rate": {
            "files": [visit.video for visit in visits if visit.flaws.is_uneven],
        },
    }
    return {trap: entries[trap] for trap in traps}
