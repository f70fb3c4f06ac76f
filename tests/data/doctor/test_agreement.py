"""The doctor and the preparation tell one story of a source, whatever is wrong with it."""

import shutil

import numpy as np
import pytest

from algr.data import ReadOptions
from algr.data.doctor import examine_source
from algr.simulate import simulate_bp4d, simulate_disfa, simulate_fpara
from algr.simulate.traps import TRAPS
from tests.data import raw_layouts as raw
from tests.data.damages import add, again, both, cut, elsewhere, gone, line, put, utf16
from tests.data.doctor.agreement import doctors_story, preparations_story

M = "manifest.csv"
PLAIN = ReadOptions()
SIMULATORS = {
    "bp4d": (simulate_bp4d, {"subjects": 4, "tasks": 2, "frames": 12, "scale": 0.25}),
    "disfa": (simulate_disfa, {"subjects": 4, "frames": 24, "scale": 0.25}),
    "fpara": (
        simulate_fpara,
        {"subjects": 4, "seconds_per_exercise": 0.4, "video_fps": 6.0},
    ),
}
PLANTED = [
    (layout, trap)
    for layout in SIMULATORS
    for trap in ("all", *(name for name, layouts in TRAPS.items() if layout in layouts))
]


def landmarks_of(subject, change):
    """Change the points of all frames of a recording of BP4D, 1-based pixels."""

    def damage(root):
        cells = [change(raw.points(f"{subject}T1", frame) + 1) for frame in range(1, 11)]
        raw.write_cells(root / f"2DFeatures/{subject}_T1.mat", cells)

    return damage


def track_of(name, change):
    """Change the points of all frames of a recording of the clinic."""

    def damage(root):
        path = root / f"{name}_land.csv"
        header, *rows = path.read_text().splitlines()
        table = np.array([row.split(",") for row in rows], float)
        points = change(table[:, 1:].reshape(len(table), 49, 2)).reshape(len(table), -1)
        texts = [
            [int(number), *row.tolist()] for number, row in zip(table[:, 0], points, strict=True)
        ]
        raw.write_csv(path, [header.split(","), *texts])

    return damage


def swapped(points):
    return points[..., ::-1]


def mirrored(points):
    return [96, 0] + points * [-1, 1]


def on_the_side(points):
    return [0, 96] + points[..., ::-1] * [1, -1]


def far_away(points):
    return points + 90


def tiny(points):
    return 48 + (points - 48) * 0.1


def of_all(subjects, damage_of, change):
    return both(*(damage_of(subject, change) for subject in subjects))


PICTURES = "Sequences(2D+3D)"
PICTURE = f"{PICTURES}/F001/T1/0006.jpg"
SUBJECTS = ("F001", "F003", "F004")
VIDEO = "Videos_LeftCamera/LeftVideoSN001_comp.avi"
TAKES = ("anna_take", "anna_again", "bert_take", "cleo_take", "dora_take")
NOTHING = "nothing is left out"
BP4D = [
    ("nothing is wrong", lambda _: None, []),
    ("one recording is swapped", landmarks_of("F001", swapped), ["F001_T1"]),
    ("one recording is mirrored", landmarks_of("F001", mirrored), ["F001_T1"]),
    ("all are swapped", of_all(SUBJECTS, landmarks_of, swapped), None),
    ("most are mirrored", of_all(SUBJECTS[:2], landmarks_of, mirrored), None),
    ("one lies on its side", landmarks_of("F001", on_the_side), []),
    ("all lie on their side", of_all(SUBJECTS, landmarks_of, on_the_side), []),
    ("one is outside", landmarks_of("F001", far_away), ["F001_T1"]),
    ("all are outside", of_all(SUBJECTS, landmarks_of, far_away), None),
    ("one is tiny", landmarks_of("F001", tiny), ["F001_T1"]),
    ("one has no points", landmarks_of("F001", lambda points: points * np.nan), ["F001_T1"]),
    ("all have no points", of_all(SUBJECTS, landmarks_of, lambda points: points * np.nan), None),
    ("a landmark file is gone", gone("2DFeatures/F001_T1.mat"), ["F001_T1"]),
    ("all landmark files are gone", gone("2DFeatures"), None),
    ("a picture is empty", put(PICTURE, ""), []),
    (
        "all pictures of a recording are empty",
        both(*(put(f"{PICTURES}/F001/T1/{number:04d}.jpg", "") for number in range(3, 11))),
        ["F001_T1"],
    ),
    ("a picture is text", put(PICTURE, "no picture\n" * 40), []),
    ("a picture of two people", again(PICTURE, PICTURE.replace("F001", "F003")), None),
    (
        "a picture of two people, and wrong labels",
        both(
            again(PICTURE, PICTURE.replace("F001", "F003")),
            line("AUCoding/AU_OCC/F001_T1.csv", 2, "5" + ",2" * 27),
        ),
        None,
    ),
    (
        "a picture of two people of whom one has no landmarks",
        both(again(PICTURE, PICTURE.replace("F001", "F003")), gone("2DFeatures/F003_T1.mat")),
        ["F003_T1"],
    ),
    ("a line is short", line("AUCoding/AU_OCC/F001_T1.csv", 2, "5,0"), []),
    ("a table is cut", cut("AUCoding/AU_OCC/F001_T1.csv", 157), []),
    (
        "a line stands twice",
        line("AUCoding/AU_OCC/F001_T1.csv", 3, "5" + ",1" * 27),
        None,
    ),
]
DISFA = [
    ("nothing is wrong", lambda _: None, []),
    ("a video is text", put(VIDEO, "no video\n" * 40), ["SN001"]),
    ("a video is empty", put(VIDEO, ""), ["SN001"]),
    ("landmarks are gone", gone("Landmark_Points/SN001"), ["SN001"]),
    ("labels count from 0", raw.count_labels_from_0("SN001"), []),
    ("one label file counts from 0", add("ActionUnit_Labels/SN001/SN001_au4.txt", "0,0\n"), None),
    ("a video of two people", again(VIDEO, VIDEO.replace("SN001", "SN006")), None),
    (
        "both videos are text, and not the same",
        both(put(VIDEO, "a" * 40), put(VIDEO.replace("SN001", "SN006"), "b" * 40)),
        None,
    ),
]
HEADER = "file,subject,landmarks,grade_hb\n"
ANNA = "anna/0.png,anna,anna/0.txt"
BERT = "bert/0.png,bert,bert/0.txt"
MANIFEST = [
    ("nothing is wrong", lambda _: None, []),
    ("one file of two people", add(M, "anna/0.png,cleo,anna/0.txt,0,1\n"), None),
    ("it is UTF-16", utf16(M), None),
    ("a line stands twice", add(M, "anna/0.png,anna,anna/0.txt,0,1\n"), None),
    ("a picture lies elsewhere", elsewhere("anna/0.png"), None),
    ("landmarks lie elsewhere", elsewhere("anna/0.txt"), None),
    ("a landmark file is wrong", put("anna/0.txt", "1 2 x"), []),
    (
        "a subject has no grade",
        put(M, f"{HEADER}{ANNA},1\n{BERT},\n"),
        ["bert"],
    ),
    ("nobody has a grade", put(M, f"{HEADER}{ANNA},\n{BERT},\n"), None),
    (
        "landmarks are words",
        both(*(put(f"anna/{number}.txt", "x y") for number in range(3))),
        ["anna"],
    ),
]
CLINIC = [
    ("nothing is wrong", lambda _: None, []),
    ("a video is gone", gone("bert_take.mp4"), ["bert_take.mp4"]),
    ("a video is text", put("bert_take.mp4", "no video"), ["bert_take.mp4"]),
    ("all videos are text", both(*(put(f"{name}.mp4", "no video") for name in TAKES)), None),
    ("landmarks are gone", gone("bert_take_land.csv"), ["bert_take.mp4"]),
    ("all landmarks are gone", both(*(gone(f"{name}_land.csv") for name in TAKES)), None),
    ("a landmark line is wrong", line("bert_take_land.csv", 2, "0,1"), ["bert_take.mp4"]),
    (
        "a video of two patients, of whom one has a wrong landmark line",
        both(
            again("anna_take.mp4", "bert_take.mp4"),
            line("bert_take_land.csv", 2, "0,1"),
        ),
        None,
    ),
    ("one track is swapped", track_of("bert_take", swapped), ["bert_take.mp4"]),
    ("one track is mirrored", track_of("bert_take", mirrored), ["bert_take.mp4"]),
    ("all tracks are swapped", of_all(TAKES, track_of, swapped), None),
    ("a line stands twice", add(M, f"anna_take.mp4,anna,,1{',' * 7}\n"), None),
    ("a video is named above the folder", line(M, 3, "../bert.mp4,bert,,2" + "," * 7), None),
    ("a video lies elsewhere", elsewhere("bert_take.mp4"), None),
    ("landmarks lie elsewhere", elsewhere("bert_take_land.csv"), None),
    ("a grade is none", line(M, 3, "bert_take.mp4,bert,,IX" + "," * 7), None),
    ("a quote is not closed", line(M, 3, 'bert_take.mp4,"bert,,2' + "," * 7), None),
    ("the columns are wrong", line(M, 1, "video,patient_id,visit,grade" + "," * 7), None),
    (
        "the only graded video of a patient is text",
        both(
            put("anna_take.mp4", "no video"),
            line(M, 6, "anna_again.mp4,anna,2" + "," * 8),
        ),
        ["anna_take.mp4", "anna_again.mp4"],
    ),
]
CASES = [
    *(("bp4d", *case) for case in BP4D),
    *(("disfa", *case) for case in DISFA),
    *(("manifest", *case) for case in MANIFEST),
    *(("clinic", *case) for case in CLINIC),
]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    root = tmp_path_factory.mktemp("good")
    raw.write_bp4d(root / "bp4d", real=True)
    raw.write_disfa(root / "disfa", subjects=["SN001", "SN006"], frames=4, pictures="")
    for subject in ("SN001", "SN006"):
        raw.write_avi(root / "disfa" / VIDEO.replace("SN001", subject), subject, 4)
    raw.write_pictures_with_manifest(root / "manifest", subjects=["anna", "bert"], real=True)
    return root


@pytest.fixture
def sources(good, clinic):
    return {"clinic": clinic.folder} | {path.name: path for path in good.iterdir()}


@pytest.mark.parametrize(
    ("layout", "damage", "left_out"),
    [(layout, damage, left_out) for layout, _, damage, left_out in CASES],
    ids=[f"{layout}: {name}" for layout, name, *_ in CASES],
)
def test_both_refuse_for_the_same_reasons_or_leave_the_same_out(
    layout, damage, left_out, sources, tmp_path, home
):
    source = tmp_path / "damaged"
    shutil.copytree(sources[layout], source)
    damage(source)

    doctor = doctors_story(source, PLAIN)
    preparation = preparations_story(source, layout, PLAIN, home)

    assert doctor == preparation
    assert doctor.is_refused == (left_out is None)
    assert list(doctor.left_out) == (left_out or [])


@pytest.mark.slow
@pytest.mark.parametrize(("simulator", "trap"), PLANTED, ids=[": ".join(case) for case in PLANTED])
def test_both_tell_the_same_of_every_trap_of_the_simulator(simulator, trap, tmp_path, home):
    simulate, size = SIMULATORS[simulator]
    simulate(tmp_path / "source", traps=(trap,), seed=2, **size)
    layout = {"fpara": "clinic"}.get(simulator, simulator)

    doctor = doctors_story(tmp_path / "source", PLAIN)

    assert doctor == preparations_story(tmp_path / "source", layout, PLAIN, home)


@pytest.mark.parametrize(
    ("layout", "damage"),
    [(layout, damage) for layout, _, damage, _ in CASES],
    ids=[f"{layout}: {name}" for layout, name, *_ in CASES],
)
def test_the_doctors_counts_add_up(layout, damage, sources, tmp_path):
    source = tmp_path / "damaged"
    shutil.copytree(sources[layout], source)
    damage(source)

    found = examine_source(source)

    landmarks = found.landmarks
    by_landmarks = landmarks.frames + landmarks.counts["missing"] + landmarks.without
    assert sum(found.screening.frames.values()) == found.reading.num_frames == by_landmarks
    assert len(found.used) + len(found.screening.left_out) == len(found.reading.recordings)
