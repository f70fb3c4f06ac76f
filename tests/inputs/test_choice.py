"""Which frames of a video are chosen; the video has 40 at 20 per second, all but two usable."""

from pathlib import Path

import numpy as np
import pytest

from algr.data import LandmarkSource, landmark_file
from algr.errors import DataError
from algr.inputs import SomeFaces, faces_at, spread_faces
from tests.recordings import landmark_csv


def landmarks_of(video: Path) -> LandmarkSource:
    return landmark_file(video.parent / "visit_land.csv")


def at(video: Path, *times_s: float) -> SomeFaces:
    return faces_at(video, landmarks=landmarks_of(video), times_s=times_s)


def spread(video: Path, count: int) -> SomeFaces:
    return spread_faces(video, landmarks=landmarks_of(video), count=count)


def numbers(found: SomeFaces) -> list[int]:
    return [timed.frame for timed in found.faces]


@pytest.mark.parametrize(
    ("time_s", "frame"), [(0.1, 2), (0.124, 2), (0.15, 3), (1.0, 20), (1.95, 39), (1.99, 39)]
)
def test_a_time_means_the_frame_that_is_shown_then(video: Path, time_s: float, frame: int) -> None:
    assert numbers(at(video, time_s)) == [frame]


def test_times_in_any_order_give_each_frame_once(video: Path) -> None:
    found = at(video, 1.5, 0.5, 0.51, 1.5)

    assert numbers(found) == [10, 30]
    assert [timed.time_s for timed in found.faces] == [0.5, 1.5]


def test_times_without_a_face_are_named_together(video: Path) -> None:
    with pytest.raises(DataError, match=r"visit\.mp4: no face at some of the times") as caught:
        at(video, 0.0, 1.0, 2.5)

    assert caught.value.problems == (
        "0 s, frame 0: no row in the landmark file",
        "2.5 s: the video ends at 2.00 s",
    )


@pytest.mark.parametrize(
    ("count", "frames"), [(1, [20]), (2, [10, 30]), (4, [5, 15, 25, 35]), (3, [7, 20, 33])]
)
def test_spread_frames_lie_in_the_middle_of_equal_parts(
    video: Path, count: int, frames: list[int]
) -> None:
    assert numbers(spread(video, count)) == frames


def test_more_frames_than_there_are_give_each_once(video: Path) -> None:
    found = spread(video, 500)

    assert numbers(found) == list(range(2, 40))
    assert found.rejected == {"no row in the landmark file": 2}


def test_a_part_without_a_face_gives_none(video: Path, points: np.ndarray) -> None:
    rows = {frame: points for frame in range(40) if not 10 <= frame < 20}
    (video.parent / "visit_land.csv").write_text(landmark_csv(rows))

    found = spread(video, 4)

    assert numbers(found) == [5, 25, 35]
    assert found.rejected == {"no row in the landmark file": 10}


def test_the_most_central_usable_frame_of_a_part_is_taken(video: Path, points: np.ndarray) -> None:
    (video.parent / "visit_land.csv").write_text(landmark_csv({3: points, 17: points, 30: points}))

    assert numbers(spread(video, 1)) == [17]


def test_a_video_without_faces_is_refused(video: Path, points: np.ndarray) -> None:
    (video.parent / "visit_land.csv").write_text(landmark_csv({900: points}))

    with pytest.raises(DataError, match=r"no frame could be used with visit_land\.csv") as caught:
        spread(video, 4)

    assert caught.value.problems == ("40 frames: no row in the landmark file",)
