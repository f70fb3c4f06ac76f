"""Moving drawn faces with exact landmarks: pictures on disk, and the reading of them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from algr.data.adapters import ImageFiles, Recording, SourceReading

SIDE = 240
HEIGHT, WIDTH = 300, 340
NAMES = ("AU1", "AU12")


def canonical_points():
    """49 points of a face 240 pixels wide, symmetric about its middle column."""
    middle = (SIDE - 1) / 2
    brow = [(-70, -52), (-58, -60), (-44, -62), (-32, -58), (-22, -52)]
    eye = [(-58, -30), (-50, -36), (-38, -36), (-28, -30), (-38, -25), (-50, -25)]
    nose = [(0, -30), (0, -16), (0, -4), (0, 10)]
    base = [(-16, 20), (-8, 23), (0, 25), (8, 23), (16, 20)]
    outer = [(-30, 52), (-20, 46), (-8, 43), (0, 45), (8, 43), (20, 46), (30, 52)]
    outer += [(20, 60), (8, 64), (0, 65), (-8, 64), (-20, 60)]
    inner = [(-10, 50), (0, 51), (10, 50), (10, 55), (0, 56), (-10, 55)]
    mirrored_brow = [(-x, y) for x, y in reversed(brow)]
    right_eye = [(-x, y) for x, y in (eye[3], eye[2], eye[1], eye[0], eye[5], eye[4])]
    points = [*brow, *mirrored_brow, *nose, *base, *eye, *right_eye, *outer, *inner]
    return np.array(points, float) + middle


def texture(subject):
    """One person's face, (240, 240) grey, symmetric."""
    rng = np.random.default_rng(subject)
    coarse = Image.fromarray(rng.integers(100, 200, (16, 16), dtype=np.uint8))
    soft = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), float)
    skin = (soft + soft[:, ::-1]) / 2
    face = Image.fromarray(np.clip(skin, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(face)
    points = canonical_points()
    for eye in (points[19:25], points[25:31]):
        x, y = eye.mean(axis=0)
        draw.ellipse([x - 15, y - 6, x + 15, y + 6], fill=245)
        draw.ellipse([x - 6, y - 6, x + 6, y + 6], fill=int(rng.integers(20, 70)))
    for brow in (points[0:5], points[5:10]):
        draw.line([tuple(p) for p in brow], fill=40, width=5)
    draw.polygon([tuple(p) for p in points[31:43]], fill=int(rng.integers(70, 110)))
    draw.line([tuple(points[15]), tuple(points[16]), tuple(points[17])], fill=80, width=3)
    drawn = np.asarray(face, float)  # Pillow draws at whole pixels, to the left of what is meant
    return Image.fromarray(((drawn + drawn[:, ::-1]) / 2).astype(np.uint8))


def trajectory(frames, *, seed, speed=1.0):
    """(frames, 3): x, y and angle of the head, resting and moving by turns."""
    rng = np.random.default_rng(seed)
    place = np.zeros((frames, 3))
    step = np.zeros(3)
    for frame in range(1, frames):
        if frame % 7 == 1:
            moves = rng.random() < 0.6
            step = rng.normal(0, [4.0, 2.5, 0.03]) * speed * moves
        place[frame] = 0.85 * place[frame - 1] + step
    return place + np.array([WIDTH / 2, HEIGHT / 2, 0])


def draw(face, place):
    """The picture with the face at that place, and its exact points."""
    x, y, angle = place
    cosine, sine = math.cos(angle), math.sin(angle)
    middle = (SIDE - 1) / 2
    turn = np.array([[cosine, -sine], [sine, cosine]])
    points = (canonical_points() - middle) @ turn.T + [x, y]
    inverse = turn.T
    origin = -inverse @ [x, y] + middle
    constant = origin + 0.5 - 0.5 * inverse.sum(axis=1)
    picture = face.transform(
        (WIDTH, HEIGHT),
        Image.Transform.AFFINE,
        (*inverse[0], constant[0], *inverse[1], constant[1]),
        resample=Image.Resampling.BILINEAR,
        fillcolor=90,
    )
    return picture, points.astype(np.float32)


def make_recording(
    folder, name, *, subject, face, frames=30, speed=1.0, noise_px=0.4, first_number=1
) -> Recording:
    """Draw and save one recording."""
    target = folder / name
    target.mkdir(parents=True)
    rng = np.random.default_rng(sum(map(ord, name)))
    person = texture(face)
    paths, tracks = [], []
    for frame, place in enumerate(trajectory(frames, seed=face, speed=speed)):
        picture, points = draw(person, place)
        path = target / f"{first_number + frame}.jpg"
        picture.save(path, quality=92)
        paths.append(path)
        tracks.append(points + rng.normal(0, noise_px, points.shape))
    labels = rng.integers(0, 2, (frames, len(NAMES)), dtype=np.int8)
    return Recording(
        name=name,
        subject=subject,
        pictures=ImageFiles(paths=tuple(paths)),
        number_N=np.arange(first_number, first_number + frames),
        labels_NA=labels,
        landmarks_NL2=np.asarray(tracks, np.float32),
    )


def make_reading(recordings, **changes) -> SourceReading:
    values = {
        "layout": "bp4d",
        "variant": "made up",
        "kind": "au",
        "label_names": NAMES,
        "recordings": tuple(recordings),
        "findings": (),
        "parameters": {"frame_offset": 0, "landmark_base": 0},
    }
    return SourceReading(**(values | changes))


def make_clean(folder: Path, *, subjects=8, frames=30, speed=1.0) -> SourceReading:
    """One recording of each of some subjects of BP4D's first part."""
    women = ["F001", "F002", "F008", "F009", "F010", "F016", "F018", "F023"]
    names = [*women, "M001", "M004", "M007", "M008"][:subjects]
    return make_reading(
        [
            make_recording(
                folder, f"{name}_T1", subject=name, face=number, frames=frames, speed=speed
            )
            for number, name in enumerate(names, start=1)
        ]
    )


def with_landmarks(reading, change):
    """The reading with each recording's landmarks changed by a function of them."""
    return replace(
        reading,
        recordings=tuple(
            replace(recording, landmarks_NL2=change(recording.landmarks_NL2))
            for recording in reading.recordings
        ),
    )


def shifted(offset):
    """Landmarks of `offset` frames later in each frame's place; the ends repeat."""

    def change(points):
        rows = np.clip(np.arange(len(points)) + offset, 0, len(points) - 1)
        return points[rows]

    return change
