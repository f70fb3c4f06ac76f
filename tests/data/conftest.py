"""Small faces, videos, clinics and datasets, made on the spot."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from algr.config import DataHome
from algr.data import DatasetWriter, PreparedDataset
from algr.data.landmarks import HEADER
from algr.data.manifest import COLUMNS
from tests.data import landmark_files


def face_points(*, seed: int = 0, size: float = 40.0, center: float = 48.0) -> NDArray[np.float64]:
    """49 points with eyes, nose and mouth about where a face has them; `size` pixels wide."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.05, 0.05, (49, 2))
    points[0:10] += [[x, -0.5] for x in np.linspace(-0.5, 0.5, 10)]
    points[10:19] += [[0, y] for y in np.linspace(-0.3, 0.1, 9)]
    points[19:25] += [-0.25, -0.3]
    points[25:31] += [0.25, -0.3]
    points[31:43] += [[x, 0.4] for x in np.linspace(-0.2, 0.2, 12)]
    points[43:49] += [0, 0.4]
    return np.asarray(points * size + center)


def write_video(
    path: Path,
    images: Iterable[NDArray[np.uint8]],
    *,
    fps: int = 12,
    rotation: int = 0,
    times: Sequence[int] | None = None,
    lossless: bool = True,
) -> Path:
    """An H.264 file; `times` are presentation stamps in 1/`fps` seconds."""
    frames = list(images)
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264rgb" if lossless else "libx264",
            rate=fps,
            options={"crf": "0", "preset": "ultrafast", "bf": "0"},
        )
        stream.width, stream.height = width, height
        stream.pix_fmt = "rgb24" if lossless else "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def noise(count: int, *, seed: int = 0, side: int = 96) -> NDArray[np.uint8]:
    """Pictures that compress and differ: coarse random squares."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, side // 8, side // 8, 3), dtype=np.uint8)
    return np.asarray(coarse.repeat(8, axis=1).repeat(8, axis=2))


def write_landmarks(path: Path, tracks: Sequence[NDArray[np.float64]], *, first: int = 0) -> Path:
    lines = [",".join(HEADER)]
    for number, points in enumerate(tracks, start=first):
        lines.append(f"{number}," + ",".join(f"{value:.2f}" for value in points.ravel()))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass(frozen=True)
class Clinic:
    """A folder of recordings whose manifest can be written anew."""

    folder: Path

    def add_video(self, name: str, *, seed: int, frames: int = 8, fps: int = 12) -> None:
        write_video(self.folder / name, noise(frames, seed=seed), fps=fps)
        tracks = [face_points(seed=100 * seed + number) for number in range(frames)]
        write_landmarks((self.folder / name).with_name(f"{Path(name).stem}_land.csv"), tracks)

    def write_manifest(self, rows: Sequence[dict[str, object]]) -> None:
        lines = [",".join(COLUMNS)]
        lines += [",".join(str(row.get(column, "")) for column in COLUMNS) for row in rows]
        (self.folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Four patients, one of them twice, one grade each."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    made = Clinic(folder)
    rows: list[dict[str, object]] = []
    for seed, (patient, grade) in enumerate([("anna", 1), ("bert", 2), ("cleo", 4), ("dora", 6)]):
        made.add_video(f"{patient}_take.mp4", seed=seed)
        rows.append({"video": f"{patient}_take.mp4", "patient_id": patient, "grade_hb": grade})
    made.add_video("anna_again.mp4", seed=9)
    rows.append({"video": "anna_again.mp4", "patient_id": "anna", "visit": 2, "grade_hb": "I"})
    made.write_manifest(rows)
    return made


@pytest.fixture
def openface_clinic(clinic: Clinic) -> Clinic:
    """Two of the videos have the landmarks of OpenFace, one of them beside our own."""
    own = clinic.folder / "bert_take_land.csv"
    points = np.zeros((8, 68, 2))
    keep = [i for i in range(17, 68) if i not in (60, 64)]
    rows = [line.split(",")[1:] for line in own.read_text().splitlines()[1:]]
    points[:, keep] = np.array(rows, float).reshape(8, 49, 2)
    for name in ("anna_take", "bert_take"):
        (clinic.folder / f"{name}.csv").write_text(landmark_files.openface2(points))
    (clinic.folder / "anna_take_land.csv").unlink()
    return clinic


@pytest.fixture
def home(tmp_path: Path) -> DataHome:
    return DataHome(tmp_path / "home")


@pytest.fixture(autouse=True)
def _own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "keys" / "id.key"))


@dataclass(frozen=True, kw_only=True)
class Person:
    """A subject of a made-up dataset."""

    name: str
    grade: int
    frames: int = 2
    group: str = ""
    seed: int | None = None


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The makers above, for tests that need one by itself."""
    return SimpleNamespace(
        face_points=face_points,
        noise=noise,
        person=Person,
        write_landmarks=write_landmarks,
        write_video=write_video,
    )


MakeDataset = Callable[..., PreparedDataset]


@pytest.fixture
def make_dataset(tmp_path: Path) -> MakeDataset:
    """A dataset of grades with the given people; pictures depend on each one's name or seed."""

    def make(
        people: Sequence[Person], *, name: str = "made", rows_per_shard: int = 4096
    ) -> PreparedDataset:
        with DatasetWriter(
            tmp_path / "home" / "datasets" / name, kind="grade", rows_per_shard=rows_per_shard
        ) as writer:
            for person in people:
                seed = sum(map(ord, person.name)) if person.seed is None else person.seed
                rng = np.random.default_rng(seed)
                writer.add_video(
                    subject_id=person.name,
                    images=rng.integers(0, 256, (person.frames, 200, 200, 3), dtype=np.uint8),
                    landmarks=rng.uniform(0, 200, (person.frames, 49, 2)).astype(np.float32),
                    grade=person.grade,
                    grade_hb=person.grade + 1,
                    group=person.group,
                )
            return writer.finish()

    return make
