"""Small copies of the layouts in which action-unit data sets lie on users' disks."""

import csv
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import av
import h5py
import numpy as np
import scipy.io
from numpy.typing import NDArray
from PIL import Image

from tests.data.conftest import face_points, noise

BP4D_UNITS = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
DISFA_UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
Drawing = Callable[[int], NDArray[np.uint8]]


def code_of(subject: str) -> int:
    return zlib.crc32(subject.encode()) % 10_000


def label(subject: str, frame: int, unit: int) -> int:
    """A label that depends on everything, so that a shift or a swap shows."""
    return (frame * 7 + unit * 3 + code_of(subject)) % 5 // 3


def intensity(subject: str, frame: int, unit: int) -> int:
    return (frame * 5 + unit + code_of(subject)) % 6


def points(subject: str, frame: int) -> NDArray[np.float64]:
    """0-based pixels."""
    return face_points(seed=frame + 1000 * code_of(subject)).round(2)


def picture(subject: str, frame: int) -> NDArray[np.uint8]:
    return noise(1, seed=frame + 1000 * code_of(subject))[0]


def write_picture(path: Path, subject: str, frame: int, *, real: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if real:
        Image.fromarray(picture(subject, frame)).save(path)
    else:
        path.write_bytes(b"picture")


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def write_cells(path: Path, cells: Sequence[NDArray[np.float64] | None]) -> None:
    """A cell array `fit/pred` as MATLAB 7.3 writes it; None is an empty entry."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        pred = file.create_dataset("fit/pred", (len(cells), 1), dtype=h5py.ref_dtype)
        for number, cell in enumerate(cells):
            if cell is None:
                stored = file.create_dataset(f"#refs#/{number}", data=np.zeros(2, np.uint64))
                stored.attrs["MATLAB_empty"] = np.uint8(1)
            else:
                stored = file.create_dataset(f"#refs#/{number}", data=cell.T)
            pred[number, 0] = stored.ref


def write_bp4d(
    root: Path,
    *,
    subjects: Sequence[str] = ("F001", "F003", "F004"),
    tasks: Sequence[str] = ("T1",),
    coded: Sequence[int] = (5, 6, 7, 8),
    pictured: Sequence[int] = range(3, 11),
    pictures: str = "Sequences(2D+3D)",
    tables: str = "AUCoding/AU_OCC",
    name: str = "{:04d}.jpg",
    real: bool = False,
    offset: int = 0,
) -> Path:
    """Units 1, 2, …, 27 as columns; column 3, which is not used, holds 9."""
    for subject in subjects:
        for task in tasks:
            key = subject + task
            rows: list[list[object]] = [list(range(28))]
            for frame in coded:
                cells = [9 if unit == 3 else label(key, frame, unit) for unit in range(1, 28)]
                rows.append([frame, *cells])
            write_csv(root / tables / f"{subject}_{task}.csv", rows)
            for frame in pictured:
                path = root / pictures / subject / task / name.format(frame + offset)
                write_picture(path, key, frame, real=real)
            cells = [points(key, frame) + 1 for frame in range(1, max(pictured) + 1)]
            write_cells(root / "2DFeatures" / f"{subject}_{task}.mat", cells)
    return root


def write_disfa(
    root: Path,
    *,
    subjects: Sequence[str] = ("SN001", "SN006", "SN003"),
    frames: int = 6,
    pictures: str = "img/{}/{:d}.png",
    first: int = 0,
    real: bool = False,
    landmarks: str = "{}_{:04d}_lm.mat",
    landmarks_from: int = 0,
) -> Path:
    for subject in subjects:
        for unit in DISFA_UNITS:
            rows = [(frame, intensity(subject, frame, unit)) for frame in range(1, frames + 1)]
            folder = root / "ActionUnit_Labels" / subject
            write_csv(folder / f"{subject}_au{unit}.txt", rows)
        for frame in range(1, frames + 1):
            if pictures:
                path = root / pictures.format(subject, frame - 1 + first)
                write_picture(path, subject, frame, real=real)
            folder = root / "Landmark_Points" / subject / "tmp_frame_lm"
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / landmarks.format(subject, frame - 1 + landmarks_from)
            scipy.io.savemat(file, {"pts": with_jaw(points(subject, frame)) + 1})
    return root


def with_jaw(points_L2: NDArray[np.float64]) -> NDArray[np.float64]:
    """66 points: 17 of a jaw before the 49."""
    return np.vstack([np.full((17, 2), 3.0), points_L2])


def write_avi(path: Path, subject: str, frames: int) -> None:
    """Motion JPEG, as cameras and DISFA's own files have it, of nearly lossless quality."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=20)
        stream.width = stream.height = 96
        stream.pix_fmt = "bgr0"
        for frame in range(1, frames + 1):
            image = av.VideoFrame.from_ndarray(picture(subject, frame), format="rgb24")
            container.mux(stream.encode(image.reformat(format="bgr0")))
        container.mux(stream.encode())


def write_gft(
    root: Path,
    *,
    people: Sequence[str] = ("001A", "001B", "002A", "003A"),
    frames: int = 4,
    real: bool = False,
) -> Path:
    for person in people:
        rows: list[list[object]] = [["frame", *BP4D_UNITS, 9]]
        for frame in range(1, frames + 1):
            rows.append([frame, *(label(person, frame, unit) for unit in (*BP4D_UNITS, 9))])
            write_picture(root / person / f"{frame}.jpg", person, frame, real=real)
        write_csv(root / "AU_Occurrence" / f"{person}.csv", rows)
        header = ["frame", *(f"{axis}{point}" for point in range(49) for axis in "xy")]
        tracks = [[n, *points(person, n).ravel().tolist()] for n in range(1, frames + 1)]
        write_csv(root / "Landmarks" / f"{person}.csv", [header, *tracks])
    return root


def write_manifest(
    root: Path,
    rows: Sequence[Mapping[str, object]],
    *,
    columns: Sequence[str] = ("file", "subject", "landmarks", "AU1", "AU2"),
) -> Path:
    cells = [[row.get(column, "") for column in columns] for row in rows]
    write_csv(root / "manifest.csv", [columns, *cells])
    return root


def write_pictures_with_manifest(
    root: Path,
    *,
    subjects: Sequence[str] = ("anna", "bert", "cleo"),
    frames: int = 3,
    real: bool = False,
) -> Path:
    rows: list[dict[str, object]] = []
    for subject in subjects:
        for frame in range(frames):
            file = f"{subject}/{frame}.png"
            write_picture(root / file, subject, frame, real=real)
            marks = f"{subject}/{frame}.txt"
            text = " ".join(f"{value:.2f}" for value in points(subject, frame).ravel())
            (root / marks).write_text(text)
            units = {f"AU{unit}": label(subject, frame, unit) for unit in (1, 2)}
            rows.append({"file": file, "subject": subject, "landmarks": marks, **units})
    return write_manifest(root, rows)


def change_line(path: Path, line: int, text: str) -> None:
    """Put another text into a line, counted from 1."""
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


def count_labels_from_0(subject: str) -> Callable[[Path], None]:
    """Take 1 from the frame numbers of all label files of a subject of DISFA."""

    def damage(root: Path) -> None:
        for path in (root / "ActionUnit_Labels" / subject).iterdir():
            rows = [line.split(",") for line in path.read_text().splitlines()]
            write_csv(path, [[int(frame) - 1, intensity] for frame, intensity in rows])

    return damage
