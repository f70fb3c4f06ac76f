"""Digests of content: who a subject is without a name, and whether two datasets are the same.

Nothing here depends on ids, keys, the order of work, the cut into shards or the machine.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from algr.data.rows import FrameRows

SUBJECT_DIGEST_LENGTH = 24


@dataclass(frozen=True, kw_only=True)
class FrameDigest:
    """Two digests of one frame, SHA-256 each."""

    whole: bytes
    """Of pixels, landmarks, labels and grades."""
    picture: bytes
    """Of the pixels alone; empty for a picture of one colour, which shows nobody."""


def frame_digests(rows: FrameRows) -> list[FrameDigest]:
    """The digests of each frame, in order."""
    landmarks = rows.landmarks.astype("<f4")
    landmarks[np.isnan(landmarks)] = np.nan
    landmarks += 0.0  # -0.0 and 0.0 are the same place
    digests = []
    for row in range(len(rows)):
        image_HWC = np.ascontiguousarray(rows.image[row])
        digest = hashlib.sha256(image_HWC.data)
        picture = b"" if (image_HWC == image_HWC[0, 0]).all() else digest.digest()
        digest.update(landmarks[row].tobytes())
        digest.update(rows.labels[row].tobytes())
        digest.update(rows.grade[row].tobytes() + rows.grade_hb[row].tobytes())
        digests.append(FrameDigest(whole=digest.digest(), picture=picture))
    return digests


def video_digest(frames: Iterable[bytes]) -> str:
    """SHA-256 of a video's frame digests in their order, hexadecimal."""
    return hashlib.sha256(b"algr video\0" + b"".join(frames)).hexdigest()


def subject_digest(frames: Iterable[bytes]) -> str:
    """SHA-256 of all frame digests of a subject in any order, hexadecimal and whole."""
    return hashlib.sha256(b"algr subject\0" + b"".join(sorted(frames))).hexdigest()


def pictures_digest(frames: Iterable[FrameDigest]) -> str:
    """SHA-256 of a subject's pictures alone in any order, hexadecimal; empty if they show nobody.

    Other labels or landmarks of the same pictures give the same digest.
    """
    pictures = sorted({frame.picture for frame in frames} - {b""})
    return hashlib.sha256(b"algr pictures\0" + b"".join(pictures)).hexdigest() if pictures else ""


def dataset_fingerprint(*, parameters: Mapping[str, object], subjects: Iterable[str]) -> str:
    """SHA-256 of the preparation's parameters and the subjects' whole digests, hexadecimal."""
    text = canonical_json({"parameters": dict(parameters), "subjects": sorted(subjects)})
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_json(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
