"""Labels, pictures and landmarks of one DISFA subject, put together."""

# Shape suffixes: N = frames of a subject, A = action units, L = landmarks (49), 2 = x, y.

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import ImageFiles, ReadOptions, Recording, VideoFile
from algr.data.adapters.collect import Collector
from algr.data.adapters.disfa_labels import is_tracker_error
from algr.data.adapters.disfa_landmarks import read_landmarks
from algr.data.adapters.disfa_pictures import Matched
from algr.data.adapters.pictures import ranges_in_words
from algr.data.adapters.tables import LabelTable
from algr.data.rows import UNKNOWN

FPS = 20.0
TRACKER_ERROR = "tracker error log"
NO_PICTURE = "no picture of that number"


def landmark_base(options: ReadOptions) -> int:
    """MATLAB counts pixels from 1."""
    return 1 if options.landmark_base is None else options.landmark_base


def make_recording(
    subject: str,
    table: LabelTable,
    matched: Matched,
    *,
    landmarks: Mapping[str, Path],
    options: ReadOptions,
    findings: Collector,
) -> Recording | None:
    """The usable frames of a subject, or None.

    Args:
        subject: Such as SN001.
        table: Intensities.
        matched: Pictures.
        landmarks: Subject to the folder of its landmark files.
        options: Of the reading.
        findings: Takes what is wrong.
    """
    lost_N = is_tracker_error(subject, table.number_N)
    if options.keep_tracker_errors:
        lost_N[:] = False
    left_out = {TRACKER_ERROR: int(lost_N.sum()), NO_PICTURE: int((~matched.has_N & ~lost_N).sum())}
    if left_out[NO_PICTURE]:
        lacking = table.number_N[~matched.has_N & ~lost_N]
        findings.warn(
            "picture_missing",
            f"{subject}: {len(lacking)} of {len(table.number_N)} labelled frames have no picture, "
            f"such as {ranges_in_words(lacking.tolist())}",
            count=len(lacking),
        )
    kept_N = matched.has_N & ~lost_N
    number_N = table.number_N[kept_N]
    if not len(number_N):
        return None
    among_N = ~lost_N[matched.has_N]
    pictures: ImageFiles | VideoFile
    if isinstance(matched.pictures, ImageFiles):
        paths = matched.pictures.paths
        pictures = ImageFiles(paths=tuple(paths[row] for row in np.flatnonzero(among_N)))
    else:
        pictures = VideoFile(
            path=matched.pictures.path,
            index_N=matched.pictures.index_N[among_N],
            frames_labelled=matched.pictures.frames_labelled,
        )
    return Recording(
        name=subject,
        subject=subject,
        pictures=pictures,
        number_N=number_N,
        labels_NA=_occurrence(table.values_NA[kept_N], threshold=options.threshold),
        landmarks_NL2=_landmarks(
            subject,
            number_N,
            last=int(table.number_N.max()),
            folders=landmarks,
            options=options,
            findings=findings,
        ),
        fps=FPS,
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def _occurrence(values_NA: NDArray[np.int8], *, threshold: int) -> NDArray[np.int8]:
    occurrence_NA = (values_NA >= threshold).astype(np.int8)
    occurrence_NA[values_NA == UNKNOWN] = UNKNOWN
    return occurrence_NA


def _landmarks(
    subject: str,
    number_N: NDArray[np.int64],
    *,
    last: int,
    folders: Mapping[str, Path],
    options: ReadOptions,
    findings: Collector,
) -> NDArray[np.float32] | None:
    if subject not in folders:
        if folders:
            findings.warn("no_landmarks_of_recording", f"{subject} has no folder of landmarks")
        return None
    points_NL2 = read_landmarks(folders[subject], number_N, last=last, findings=findings)
    return None if points_NL2 is None else points_NL2 - np.float32(landmark_base(options))
