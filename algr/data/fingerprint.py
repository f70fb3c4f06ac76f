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
SAMPLED_PICTURES = 16
"""Digests of single pictures that are noted of a subject."""


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


def pictures_sample(frames: Iterable[FrameDigest]) -> tuple[str, ...]:
    """The `SAMPLED_PICTURES` least digests of a subject's pictures; empty if they show nobody.

    Labels and landmarks do not count. Two sets of pictures of which a share s of the smaller one's
    stands in both have no digest in common with a chance of about (1 - s) ** SAMPLED_PICTURES
    (least values of a hash are a random sample that is the same everywhere), so that a person is
    known again with some frames more or fewer.
    """
    pictures = sorted({frame.picture for frame in frames} - {b""})
    return tuple(picture.hex()[:SUBJECT_DIGEST_LENGTH] for picture in pictures[:SAMPLED_PICTURES])


def dataset_fingerprint(*, parameters: Mapping[str, object], subjects: Iterable[str]) -> str:
    """SHA-256 of the preparation's parameters and the subjects' whole digests, hexadecimal."""
    text = canonical_json({"parameters": dict(parameters), "subjects": sorted(subjects)})
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_json(value: object) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
