"""Landmarks without landmark files: finds the face of a video's patient and measures 49 points.

Two networks of MediaPipe, which the user installs (`models`); all else is here.
"""
