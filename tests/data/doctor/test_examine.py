import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from algr.data.adapters import ImageFiles
from algr.data.adapters.base import PublishedCounts
from algr.data.doctor.labels import published_rates
from algr.data.doctor.pictures import scan_files
from algr.data.findings import Finding


def of_code(found, code):
    return [finding for finding in found.findings if finding.code == code]


def test_the_json_has_the_keys_that_were_promised(clean, examined):
    values = json.loads(json.dumps(examined(clean).to_dict(), allow_nan=False))

    assert list(values) == ["layout", "verdict", "findings", "command", "summary"]
    assert values["layout"] == "bp4d"
    assert values["verdict"] == "ready"
    assert values["summary"]["subjects"] == 12
    assert values["summary"]["frames"] == 480
    assert values["summary"]["labels"][0]["name"] == "AU1"


def test_the_command_can_be_pasted_and_names_the_source(clean, examined, tmp_path):
    found = examined(clean, source=tmp_path / "My BP4D (copy)")

    assert found.command == (
        f"algr data prepare bp4d --source '{tmp_path}/My BP4D (copy)' --name my-bp4d-copy"
    )


def test_findings_of_the_reading_are_kept_and_the_worst_stands_first(clean, examined):
    findings = (
        Finding(severity="note", code="segment", message="n"),
        Finding(severity="refused", code="label_file_twice", message="r", file="a.csv", line=3),
    )

    found = examined(replace(clean, findings=findings))

    assert found.findings[0] == findings[1]
    assert found.verdict == "refused"
    assert found.command == ""


def test_counts_of_labels_are_those_of_the_arrays(clean, examined):
    labels = [np.zeros_like(recording.labels_NA) for recording in clean.recordings]
    labels[0][:5, 1] = 1
    labels[1][:7, 1] = -1
    recordings = [
        replace(recording, labels_NA=values)
        for recording, values in zip(clean.recordings, labels, strict=True)
    ]

    found = examined(replace(clean, recordings=tuple(recordings)))

    label = found.labels[1]
    assert (label.present, label.unknown, label.absent, label.subjects) == (5, 7, 468, 1)
    assert label.rate == 5 / 473
    assert "AU1 occurs in no frame" in of_code(found, "label_absent")[0].message
    assert "AU12 occurs in 1 subject only" in of_code(found, "label_rare")[0].message


def test_published_rates_have_the_published_ratios_and_the_own_mean():
    rates = published_rates({"AU1": 0.2, "AU4": 0.3, "AU12": 0.4, "AU99": 0.5})

    assert rates["AU12"] / rates["AU1"] == pytest.approx(1.3451 / 0.457)
    assert sum(rates.values()) == pytest.approx(0.9)


def test_published_rates_are_not_compared_where_one_factor_would_explain_them():
    assert published_rates({"AU1": 0.2, "AU12": 0.4, "AU99": 0.5}) == {}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda p: p * np.nan, "missing"),
        (lambda p: p + 1000, "outside"),
        (lambda p: p * 0.05 + 100, "tiny"),
        (lambda p: 2 * p.mean(axis=0) * [1, 0] + p * [-1, 1], "swapped_eyes"),
    ],
)
def test_landmarks_that_are_none_of_a_face_are_named(clean, examined, change, kind):
    points = clean.recordings[2].landmarks_NL2.copy()
    points[5] = change(points[5])
    recordings = list(clean.recordings)
    recordings[2] = replace(recordings[2], landmarks_NL2=points)

    found = examined(replace(clean, recordings=tuple(recordings)))

    assert found.landmarks.counts[kind] == 1
    finding = of_code(found, f"landmarks_{kind}")[0]
    assert finding.file == "F008_T1"
    assert "from 6 on" in finding.message


def test_a_face_that_jumps_is_named(clean, examined):
    points = clean.recordings[0].landmarks_NL2.copy()
    points[20:] += 70
    recordings = (replace(clean.recordings[0], landmarks_NL2=points), *clean.recordings[1:])

    found = examined(replace(clean, recordings=recordings))

    assert of_code(found, "landmarks_jump")[0].count == 1


@pytest.fixture
def copied(clean, tmp_path):
    """The clean recordings in files of their own."""

    def copy(recording):
        folder = tmp_path / recording.name
        folder.mkdir()
        paths = [shutil.copy(path, folder) for path in recording.pictures.paths]
        return replace(recording, pictures=ImageFiles(paths=tuple(map(type(folder), paths))))

    return replace(clean, recordings=tuple(copy(recording) for recording in clean.recordings))


@pytest.mark.parametrize(
    ("share", "code"), [(0.0, "empty_file"), (0.6, "truncated_file"), (None, "unreadable")]
)
def test_a_picture_that_cannot_be_used_is_named(copied, examined, tmp_path, share, code):
    path = copied.recordings[3].pictures.paths[17]
    content = path.read_bytes()
    path.write_bytes(b"not a picture" if share is None else content[: int(share * len(content))])

    found = examined(copied, source=tmp_path, sample=2000)

    assert [finding.file for finding in of_code(found, code)] == ["F009_T1/18.jpg"]
    assert found.verdict == "warnings"


def test_a_picture_with_something_behind_its_end_is_whole(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (32, 32), "red").save(path)
    path.write_bytes(path.read_bytes() + b"maker note" * 20)

    assert scan_files([path], jobs=1).problems == ()


def test_a_picture_of_another_size_is_named(copied, examined, tmp_path):
    path = copied.recordings[0].pictures.paths[0]
    Image.new("L", (100, 80)).save(path)

    found = examined(copied, source=tmp_path)

    assert [finding.file for finding in of_code(found, "mixed_sizes")] == ["F001_T1/1.jpg"]


def under_another_name(reading, tmp_path, *, encode):
    """The first recording again, as a subject of its own."""
    recording = reading.recordings[0]
    folder = tmp_path / "F099_T1"
    folder.mkdir()
    paths = tuple(folder / path.name for path in recording.pictures.paths)
    for old, new in zip(recording.pictures.paths, paths, strict=True):
        encode(old, new)
    twin = replace(recording, name="F099_T1", subject="F099", pictures=ImageFiles(paths=paths))
    return replace(reading, recordings=(*reading.recordings, twin))


def test_one_person_under_two_names_is_refused(clean, examined, tmp_path):
    found = examined(under_another_name(clean, tmp_path, encode=shutil.copy))

    finding = of_code(found, "subject_twice")[0]
    assert finding.severity == "refused"
    assert (
        "subjects F001 and F099 have the same pictures, in F001_T1 and F099_T1: 40 pictures"
        in finding.message
    )
    assert len(of_code(found, "subject_twice")) == 1


def test_one_person_in_pictures_encoded_anew_is_found(clean, examined, tmp_path):
    def encode(old, new):
        with Image.open(old) as image:
            image.save(new, quality=60)

    found = examined(under_another_name(clean, tmp_path, encode=encode))

    findings = of_code(found, "subject_twice")
    assert [finding.severity for finding in findings] == ["refused"]
    assert "F001 and F099" in findings[0].message
    assert "F099_T1 is the same recording, encoded anew or cut" in findings[0].message


def test_subjects_of_one_group_may_share_pictures(clean, examined, tmp_path):
    reading = under_another_name(clean, tmp_path, encode=shutil.copy)
    grouped = tuple(replace(recording, group="g") for recording in reading.recordings)

    found = examined(replace(reading, recordings=grouped))

    assert not of_code(found, "subject_twice")
    assert of_code(found, "picture_twice")


def test_a_copy_with_fewer_subjects_is_a_partial_one(clean, examined):
    published = PublishedCounts(subjects=41, frames=146_576, source="the lists")

    found = examined(
        replace(clean, published=published), parts={"part 1": ["F001"], "part 2": ["F003"]}
    )

    assert "a partial copy" in of_code(found, "partial_copy")[0].message
    assert "no subject of part 2" in of_code(found, "empty_part")[0].message
    assert "11 subjects in none" in of_code(found, "unknown_subjects")[0].message
    assert found.parts == {"part 1": 1, "part 2": 0}
    assert found.verdict == "warnings"


def test_a_source_without_frames_is_refused(clean, examined):
    found = examined(replace(clean, recordings=()))

    assert found.verdict == "refused"
    assert found.to_dict()["command"] == ""
