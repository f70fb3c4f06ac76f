"""Looks at pictures: whole or not, how large, what stands at the landmarks.

Shape suffixes: H, W = rows, columns; L = landmarks (49); 2 = x, y; S = side of a small face,
P = landmarks with a square around them, K = its side.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from algr.data.adapters import ImageFiles, Recording
from algr.data.adapters.collect import without_name
from algr.data.adapters.pictures import is_picture
from algr.data.align import alignment_matrix
from algr.data.doctor.patches import landmark_patches
from algr.data.doctor.sampling import Sample
from algr.data.sketch import face_box, sketch
from algr.data.video import iterate_video
from algr.durable import sha256_of
from algr.errors import DataError
from algr.faces import ALIGNED_SIZE

OFFSETS = (-2, -1, 0, 1, 2)
"""Places of the landmarks that are tried for a picture, in frames."""
SMALL = 100
"""Side of the small aligned faces, pixels: half of what is stored."""
_TAIL = 64
_LYING = (5, 6, 7, 8)
"""EXIF orientations of pictures that are stored on their side."""
_OTHER_HEADS = (b"BM", b"II", b"MM")
"""Of pictures whose end tells nothing: BMP and TIFF."""
_END_OF = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one sampled picture shows."""

    recording: int
    row: int
    file: str
    problem: str = ""
    is_lost: bool = False
    """The file cannot be used; otherwise a frame is not in it."""
    height: int = 0
    width: int = 0
    whole_SS: NDArray[np.uint8] | None = None
    """The whole picture, a sketch."""
    face_4: NDArray[np.float32] | None = None
    """Where the landmarks stand in it; see `sketch.face_box`."""
    faces: dict[int, NDArray[np.float32]] | None = None
    """Offset to the small aligned face (100, 100), grey; missing where there are no landmarks."""

    patches_PKK: NDArray[np.uint8] | None = None
    """What stands around the landmarks; None where there are none."""

    @property
    def face_SS(self) -> NDArray[np.float32] | None:
        """The face at the landmarks as they are read."""
        return (self.faces or {}).get(0)


def look(
    samples: Sequence[Sample],
    recordings: Sequence[Recording],
    *,
    jobs: int,
    tick: Callable[[int], None],
) -> list[Seen]:
    """Decode the sampled pictures, in threads; in the order of the samples."""
    seen: list[Seen] = []
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for group in pool.map(lambda sample: _look_at(sample, recordings), samples):
            seen += group
            tick(len(seen))
    return seen


def _look_at(sample: Sample, recordings: Sequence[Recording]) -> list[Seen]:
    recording = recordings[sample.recording]
    if isinstance(recording.pictures, ImageFiles):
        return [_look_at_file(sample, row, recording) for row in sample.rows]
    return list(_look_at_video(sample, recording))


def _look_at_file(sample: Sample, row: int, recording: Recording) -> Seen:
    assert isinstance(recording.pictures, ImageFiles)
    path = recording.pictures.paths[row]
    try:
        with Image.open(path) as image:
            lies = image.getexif().get(ExifTags.Base.Orientation, 1) in _LYING
            width, height = image.size[::-1] if lies else image.size
            image.draft("L", _wanted_size(recording, row, image.size))
            grey = ImageOps.exif_transpose(image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return Seen(
            recording=sample.recording,
            row=row,
            file=str(path),
            problem=picture_problem(error),
            is_lost=True,
        )
    return _seen(sample, row, recording, file=str(path), grey=grey, size=(width, height))


def picture_size(path: Path) -> tuple[int, int] | None:
    """Height and width as displayed; None where it cannot be read."""
    try:
        with Image.open(path) as image:
            lies = image.getexif().get(ExifTags.Base.Orientation, 1) in _LYING
            return image.size if lies else image.size[::-1]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _wanted_size(recording: Recording, row: int, size: tuple[int, int]) -> tuple[int, int]:
    """The least size that leaves two pixels per pixel of the small face."""
    matrix = _matrix(recording, row, offset=0)
    if matrix is None:
        return size
    pixels = 1.0 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))  # per pixel of the small face
    shrink = max(1.0, float(pixels) / 2)
    return max(1, int(size[0] / shrink)), max(1, int(size[1] / shrink))


def _look_at_video(sample: Sample, recording: Recording) -> Iterator[Seen]:
    assert not isinstance(recording.pictures, ImageFiles)
    path = recording.pictures.path
    row_of = {int(recording.pictures.index_N[row]): row for row in sample.rows}
    try:
        wanted = frozenset(row_of)
        for frame in iterate_video(path, fps=None, threads=1, wanted=wanted.__contains__):
            row = row_of.pop(frame.index)
            height, width = frame.image_HWC.shape[:2]
            grey = Image.fromarray(frame.image_HWC).convert("L")
            yield _seen(sample, row, recording, file=str(path), grey=grey, size=(width, height))
            if not row_of:
                return
    except DataError as error:
        yield Seen(
            recording=sample.recording,
            row=sample.rows[0],
            file=str(path),
            problem=without_name(error.found, path),
            is_lost=True,
        )
        return
    if recording.landmarks_NL2 is None and not recording.labels_NA.shape[1]:
        return  # its frames were counted from the head of the file, which may be a few off
    yield Seen(
        recording=sample.recording,
        row=min(row_of.values()),
        file=str(path),
        problem=f"ends before frame {min(row_of)}, which the labels name",
    )


def _seen(
    sample: Sample,
    row: int,
    recording: Recording,
    *,
    file: str,
    grey: Image.Image,
    size: tuple[int, int],
) -> Seen:
    faces = {}
    for offset in OFFSETS if any(row in pair for pair in sample.fast) else (0,):
        matrix = _matrix(recording, row, offset=offset)
        if matrix is not None:
            faces[offset] = small_face(grey, matrix, size=size)
    points_NL2 = recording.landmarks_NL2
    points_L2 = None if points_NL2 is None else points_NL2[row]
    return Seen(
        recording=sample.recording,
        row=row,
        file=file,
        width=size[0],
        height=size[1],
        whole_SS=sketch(grey),
        face_4=face_box(points_L2, size=size),
        faces=faces,
        patches_PKK=None
        if points_L2 is None or 0 not in faces
        else landmark_patches(grey, points_L2, size=size),
    )


def _matrix(recording: Recording, row: int, *, offset: int) -> NDArray[np.float64] | None:
    """From pixels of the picture to the small face, by the landmarks `offset` frames later."""
    points_NL2 = recording.landmarks_NL2
    other = row + offset
    if points_NL2 is None or not 0 <= other < len(points_NL2):
        return None
    if recording.number_N[other] - recording.number_N[row] != offset:
        return None
    try:
        return to_small(points_NL2[other])
    except DataError:
        return None


def to_small(points_L2: NDArray[np.floating]) -> NDArray[np.float64]:
    """Matrix (2, 3) from pixels of the picture to those of the small face.

    Raises:
        DataError: The face cannot be aligned.
    """
    share = SMALL / ALIGNED_SIZE
    matrix = alignment_matrix(points_L2) * share
    matrix[:, 2] += (share - 1) / 2  # pixel centres, not edges, lie at whole numbers
    return matrix


def small_face(
    grey: Image.Image, matrix: NDArray[np.float64], *, size: tuple[int, int]
) -> NDArray[np.float32]:
    """(100, 100), grey. `size` is that of the picture before it was decoded smaller."""
    inverse = np.linalg.inv(matrix[:, :2])
    origin = -inverse @ matrix[:, 2]
    decoded = np.array([grey.size[0] / size[0], grey.size[1] / size[1]])
    per_output = np.sqrt(abs(np.linalg.det(inverse))) * float(decoded.mean())
    shrink = max(1, int(per_output))
    reduced = grey.reduce(shrink) if shrink > 1 else grey
    factor = decoded / shrink
    linear = inverse * factor[:, None]
    # Pillow counts from the edge of the first pixel, landmarks count from its centre.
    constant = (origin + 0.5) * factor - 0.5 * linear.sum(axis=1)
    coefficients = (*linear[0], constant[0], *linear[1], constant[1])
    turned = reduced.transform(
        (SMALL, SMALL),
        Image.Transform.AFFINE,
        tuple(float(value) for value in coefficients),
        resample=Image.Resampling.BILINEAR,
        fillcolor=128,
    )
    return np.asarray(turned, np.float32)


@dataclass(frozen=True, kw_only=True)
class FileScan:
    """What sizes and last bytes of all picture files say."""

    problems: tuple[tuple[Path, str], ...]
    twins: tuple[tuple[Path, ...], ...]
    """Files with the same content, together."""
    count: int = 0
    """Files that were opened."""


def scan_files(
    paths: Sequence[Path], *, jobs: int, tick: Callable[[int], None] = lambda _: None
) -> FileScan:
    """Find files that are missing, empty, cut or the same; all are opened, few are decoded."""
    problems: list[tuple[Path, str]] = []
    alike: dict[bytes, list[Path]] = defaultdict(list)
    with ThreadPoolExecutor(max_workers=max(1, 2 * jobs)) as pool:
        answers = pool.map(_look_at_ends, paths, chunksize=256)
        for count, (path, (problem, key)) in enumerate(zip(paths, answers, strict=True), start=1):
            if problem:
                problems.append((path, problem))
            else:
                alike[key].append(path)
            if count % 2048 == 0 or count == len(paths):
                tick(count)
    same: dict[str, list[Path]] = defaultdict(list)
    for group in alike.values():
        if len(group) > 1:
            for path in group:
                same[sha256_of(path)].append(path)
    twins = tuple(tuple(group) for group in same.values() if len(group) > 1)
    return FileScan(problems=tuple(problems), twins=twins, count=len(paths))


def _look_at_ends(path: Path) -> tuple[str, bytes]:
    """What is wrong, or the size and last bytes, which hardly two different pictures share."""
    try:
        with path.open("rb") as file:
            head = file.read(2)
            if not head:
                return "is empty: 0 bytes", b""
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except OSError as error:
        return f"cannot be read ({error.strerror or error})", b""
    expected = _END_OF.get(head)
    # Some cameras write on behind the end, so that what is in doubt is decoded.
    is_doubtful = is_picture(path.name) and head not in _OTHER_HEADS
    if expected is not None:
        is_doubtful = expected not in tail
    problem = _decoding_problem(path) if is_doubtful else ""
    return problem, size.to_bytes(8, "big") + tail


def _decoding_problem(path: Path) -> str:
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return picture_problem(error)
    return ""


def picture_problem(error: Any) -> str:
    """In words why a picture cannot be decoded."""
    text = str(getattr(error, "strerror", None) or error)
    if "truncated" in text or "broken" in text:
        return "is cut: the end of the picture is missing"
    if "cannot identify" in text:
        return "is not a picture"
    return f"cannot be read ({text})"
