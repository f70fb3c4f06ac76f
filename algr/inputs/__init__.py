"""Faces out of the files that a user sends: images, aligned faces, videos with landmarks.

Knows no network. Needs no torch.
"""

from algr.inputs.choice import SomeFaces, faces_at, spread_faces
from algr.inputs.faces import Face, face_of
from algr.inputs.files import (
    Rejected,
    Source,
    TimedFace,
    faces_of_video,
    find_source,
    image_face,
    no_usable_frame,
    photo_face,
)
from algr.inputs.images import decode_image, is_image_file

__all__ = [
    "Face",
    "Rejected",
    "SomeFaces",
    "Source",
    "TimedFace",
    "decode_image",
    "face_of",
    "faces_at",
    "faces_of_video",
    "find_source",
    "image_face",
    "is_image_file",
    "no_usable_frame",
    "photo_face",
    "spread_faces",
]
