"""Copies of BP4D and DISFA whose pictures are the drawn moving faces."""

import numpy as np
import scipy.io

from tests.data.doctor import faces
from tests.data.raw_layouts import DISFA_UNITS, with_jaw, write_cells, write_csv

BP4D_SUBJECTS = ("F001", "F002", "F008", "F003", "F005", "F011", "F004", "F006", "F007")
BP4D_SUBJECTS += ("M001", "M002", "M003")
DISFA_SUBJECTS = ("SN001", "SN002", "SN009", "SN006", "SN011", "SN012", "SN003", "SN004", "SN005")
DISFA_SUBJECTS += ("SN016", "SN013", "SN007")


def drawn(number, frames):
    """Pictures and exact 0-based points of one person."""
    person = faces.texture(number)
    places = faces.trajectory(frames, seed=number)
    return [faces.draw(person, place) for place in places]


def write_bp4d_of_faces(root, *, frames=36, picture_offset=0, base=1, change=lambda p: p):
    """A full recording per subject; `change` is applied to the points before they are written."""
    for number, subject in enumerate(BP4D_SUBJECTS, start=1):
        pairs = drawn(number, frames)
        rng = np.random.default_rng(number)
        rows = [list(range(28))]
        rows += [[frame, *rng.integers(0, 2, 27).tolist()] for frame in range(1, frames + 1)]
        write_csv(root / "AUCoding" / "AU_OCC" / f"{subject}_T1.csv", rows)
        folder = root / "Sequences(2D+3D)" / subject / "T1"
        folder.mkdir(parents=True)
        for frame, (picture, _) in enumerate(pairs, start=1):
            picture.save(folder / f"{frame + picture_offset:04d}.jpg", quality=90)
        points = [change(points.astype(float)) + base for _, points in pairs]
        write_cells(root / "2DFeatures" / f"{subject}_T1.mat", points)
    return root


def write_disfa_of_faces(root, *, frames=36, first_picture=0, base=1, left_out=()):
    for number, subject in enumerate(DISFA_SUBJECTS, start=1):
        rng = np.random.default_rng(number)
        for unit in DISFA_UNITS:
            rows = [(frame, int(rng.integers(0, 6))) for frame in range(1, frames + 1)]
            write_csv(root / "ActionUnit_Labels" / subject / f"{subject}_au{unit}.txt", rows)
        marks = root / "Landmark_Points" / subject / "tmp_frame_lm"
        marks.mkdir(parents=True)
        (root / "img" / subject).mkdir(parents=True)
        for frame, (picture, points) in enumerate(drawn(number, frames)):
            if frame not in left_out:
                picture.save(root / "img" / subject / f"{frame + first_picture}.png")
            scipy.io.savemat(
                marks / f"{subject}_{frame:04d}_lm.mat", {"pts": with_jaw(points) + base}
            )
    return root
