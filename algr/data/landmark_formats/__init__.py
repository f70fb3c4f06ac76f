"""Landmark files of other programs, brought to the 49 points."""

from algr.data.landmark_formats.reading import KNOWN_FORMS, holds_landmarks, read_landmarks

__all__ = ["KNOWN_FORMS", "holds_landmarks", "read_landmarks"]
