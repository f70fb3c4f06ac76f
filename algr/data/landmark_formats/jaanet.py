"""`*_land.txt` of JÂA-Net: a frame per line, 98 numbers x1 y1 x2 y2 …, tabs or spaces between."""

from pathlib import Path

import numpy as np

from algr.data.landmark_formats.findings import Findings, coordinate, number_problem
from algr.data.landmarks import LandmarkTrack
from algr.errors import DataError
from algr.faces import NUM_LANDMARKS

FORM = "JAA-Net list"
_NUM_NUMBERS = 2 * NUM_LANDMARKS


def is_jaanet(first_line: str) -> bool:
    """Whether a file begins with a line of nothing but numbers."""
    cells = first_line.split()
    return len(cells) > 2 and not any(number_problem("", cell) for cell in cells)


def read_jaanet(path: Path, *, base: int) -> LandmarkTrack:
    """The landmarks of a list; line i is frame i, both from 0.

    Raises:
        DataError: Lines are wrong.
    """
    findings = Findings(
        path,
        expected=f"{_NUM_NUMBERS} numbers per line, x1 y1 x2 y2 …",
        advice="take the list as the official code wrote it, one video per file",
    )
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise findings.refuse("is not a text file") from error
    while lines and not lines[-1].strip():
        lines.pop()
    rows = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        problem = next(filter(None, (number_problem("", cell)[2:] for cell in cells)), "")
        if len(cells) != _NUM_NUMBERS:
            findings.add(f"line {number}", f"{len(cells)} numbers instead of {_NUM_NUMBERS}")
        elif problem:
            findings.add(f"line {number}", problem)
        else:
            rows.append([coordinate(cell) for cell in cells])
    findings.check()
    points_FL2 = np.array(rows, np.float64).reshape(-1, NUM_LANDMARKS, 2) - base
    return LandmarkTrack(
        frames=np.arange(len(rows)), points_FL2=points_FL2.astype(np.float32), form=FORM
    )
