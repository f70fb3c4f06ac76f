"""Conventions of the 49 facial landmarks (iBUG-68 without jaw and inner mouth corners).

Indices are 0-based. "Image-left" is the patient's right.
"""

NUM_LANDMARKS = 49
LEFT_EYE = (19, 20, 21, 22, 23, 24)
"""Image-left eye; 19 outer corner, 22 inner corner, 23 and 24 lower lid."""
RIGHT_EYE = (25, 26, 27, 28, 29, 30)
"""Image-right eye; 25 inner corner, 28 outer corner, 29 and 30 lower lid."""
NOSE_TIP = 13
MOUTH_CORNERS = (31, 37)
INNER_EYE_CORNERS = (22, 25)
# fmt: off
MIRRORED = (
    9, 8, 7, 6, 5, 4, 3, 2, 1, 0,                    # brows
    10, 11, 12, 13, 18, 17, 16, 15, 14,              # nose
    28, 27, 26, 25, 30, 29, 22, 21, 20, 19, 24, 23,  # eyes
    37, 36, 35, 34, 33, 32, 31, 42, 41, 40, 39, 38,  # outer lip
    45, 44, 43, 48, 47, 46,                          # inner lip
)
# fmt: on
"""Point i of a mirrored face is point MIRRORED[i] of the face (`reflect_49`, 0-based)."""

ALIGNED_SIZE = 200
"""Side of an aligned face, pixels."""
CROP_SIZE = 176
"""Side of the crop that the network sees, pixels."""

GRADES = ("normal", "low", "medium", "high")
"""Classes of facial palsy, mildest first."""
HOUSE_BRACKMANN_CLASS = {1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 6: 3}
"""House-Brackmann grade to class: 1 | 2 | 3-4 | 5-6; the paper's text leaves 4, 5 and 6 out."""
