"""`explain.json`: what the figures show, as numbers.

Positions are pixels of what was sent, as in predictions.

Shape suffixes: N = points, 2 = (x, y), 4 = (left, top, right, bottom).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from algr.reports.explained import Array, ClassMap, ExplainedFace, ExplainedRegion, ModelWords

SCHEMA = 1


def explanation_json(
    faces: Sequence[ExplainedFace], *, model: ModelWords, rejected: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Plain values of all faces.

    Args:
        faces: In the order of the files and of time.
        model: That explains.
        rejected: Frames of videos that could not be used: file, reason, count.
    """
    named: dict[str, Any] = {"name": model.name, "version": model.version, "sha256": model.sha256}
    if model.version is None:
        del named["version"]
    return {
        "schema": SCHEMA,
        "faces": [_face(face) for face in faces],
        "rejected": list(rejected),
        "model": {**named, "simulated": model.simulated, "has_regions": model.has_regions},
        "notice": model.notice,
    }


def _face(face: ExplainedFace) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": face.file, "figure": face.figure, "frame": face.timed.frame}
    if face.timed.time_s is not None:
        entry["time_s"] = round(face.timed.time_s, 3)
    probability = {name: round(value, 6) for name, value in face.probability.items()}
    if face.kind == "grade":
        entry["grade"] = face.verdict
    entry[f"{face.kind}_probability"] = probability
    if face.parts:
        for place, key in enumerate(("local_probability", "whole_probability")):
            entry[key] = {name: round(both[place], 6) for name, both in face.parts.items()}
    if face.landmarks_L2 is not None:
        entry["landmarks"] = _points(face, face.landmarks_L2)
    if face.regions:
        entry["regions"] = [_region(face, region) for region in face.regions]
    else:
        entry["class_maps"] = [_class_map(face, class_map) for class_map in face.class_maps]
    return entry


def _region(face: ExplainedFace, region: ExplainedRegion) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": region.name,
        "centres_by_rule": _points(face, region.rule_C2),
        "centres": _points(face, region.moved_C2),
        "windows": [_corners(face, window_4) for window_4 in region.windows_C4],
        "attention_mean": round(region.attention_mean, 6),
        "attention_max": round(float(region.attention_XX.max()), 6),
        "class_map": _class_map(face, region.class_map),
    }
    if region.offset_2 is not None:
        entry["offset"] = [round(float(value), 4) for value in region.offset_2]
    if region.scale_factor is not None:
        entry["scale_factor"] = round(region.scale_factor, 4)
    return entry


def _class_map(face: ExplainedFace, class_map: ClassMap) -> dict[str, Any]:
    peak = None if class_map.peak_2 is None else _points(face, class_map.peak_2[None])[0]
    return {"target": class_map.target, "largest": class_map.largest, "peak": peak}


def _points(face: ExplainedFace, points_N2: Array) -> list[list[float]]:
    sent_N2 = face.timed.face.to_image(points_N2)
    return [[round(float(x), 2), round(float(y), 2)] for x, y in sent_N2]


def _corners(face: ExplainedFace, window_4: Array) -> list[list[float]]:
    """Four corners: a window may stand askew in a photograph."""
    left, top, right, bottom = window_4
    return _points(
        face, np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    )
