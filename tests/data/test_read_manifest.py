import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algr.data import ReadOptions, adapter_of
from tests.data import raw_layouts as raw


def read(folder, layout="manifest", **options):
    return adapter_of(layout).read(folder, ReadOptions(**options))


def one_line(folder, **cells):
    """A manifest of one picture."""
    raw.write_picture(folder / "a.png", "a", 1, real=False)
    row = {"file": "a.png", "subject": "a", "AU1": 0, **cells}
    return raw.write_manifest(folder, [row], columns=list(row))


def test_pictures_of_one_subject_in_one_folder_are_a_recording(tmp_path):
    reading = read(raw.write_pictures_with_manifest(tmp_path))

    first = reading.recordings[0]
    assert [recording.name for recording in reading.recordings] == ["anna", "bert", "cleo"]
    assert (reading.kind, reading.label_names) == ("au", ("AU1", "AU2"))
    assert first.number_N.tolist() == [0, 1, 2]
    assert first.labels_NA.tolist() == [
        [raw.label("anna", frame, unit) for unit in (1, 2)] for frame in range(3)
    ]
    np.testing.assert_allclose(first.landmarks_NL2[1], raw.points("anna", 1), atol=1e-4)


def test_two_subjects_in_one_folder_are_two_recordings(tmp_path):
    rows = []
    for subject in ("anna", "bert"):
        raw.write_picture(tmp_path / f"all/{subject}.png", subject, 1, real=False)
        rows.append({"file": f"all/{subject}.png", "subject": subject, "AU1": 1})
    raw.write_manifest(tmp_path, rows, columns=("file", "subject", "AU1"))

    names = [recording.name for recording in read(tmp_path).recordings]

    assert names == ["all of anna", "all of bert"]


def test_excels_line_of_the_separator_is_read_and_counted(tmp_path):
    raw.write_pictures_with_manifest(tmp_path)
    path = tmp_path / "manifest.csv"
    text = path.read_text().replace(",", ";").replace("AU2", "AUX")
    path.write_text("sep=;\n" + text)

    (finding,) = read(tmp_path).findings

    assert finding.text().startswith("manifest.csv: line 2: column 'aux'")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_and_byte_order_marks_of_spreadsheets_are_read(tmp_path, delimiter, mark):
    raw.write_pictures_with_manifest(tmp_path)
    path = tmp_path / "manifest.csv"
    text = path.read_text().replace(",", delimiter).replace("\n", "\r\n")
    path.write_text(mark + text, encoding="utf-8", newline="")

    assert read(tmp_path).num_frames == 9


@pytest.mark.parametrize(
    ("cell", "value", "spelling"),
    [
        ("0", 0, {}),
        ("1", 1, {}),
        ("1.0", 1, {}),
        ("9", -1, {"9": 1}),
        ("9.0", -1, {"9": 1}),
        ("-1", -1, {"-1": 1}),
        ("999", -1, {"999": 1}),
        ("", -1, {"empty": 1}),
        ("NaN", -1, {"empty": 1}),
    ],
)
def test_every_spelling_of_a_label(tmp_path, cell, value, spelling):
    reading = read(one_line(tmp_path, AU1=cell))

    assert reading.recordings[0].labels_NA.tolist() == [[value]]
    assert reading.missing_codes == spelling


@pytest.mark.parametrize(("threshold", "value"), [(3, 1), (4, 0)])
def test_intensities_are_compared_with_the_threshold(tmp_path, threshold, value):
    reading = read(one_line(tmp_path, AU1=3, AU2=9), intensities=True, threshold=threshold)

    assert reading.recordings[0].labels_NA.tolist() == [[value, -1]]
    assert reading.parameters["threshold"] == threshold


def test_columns_of_units_are_sorted_and_may_have_zeros(tmp_path):
    reading = read(one_line(tmp_path, AU12=1, AU02=0))

    assert reading.label_names == ("AU1", "AU2", "AU12")


@pytest.mark.parametrize(
    ("ending", "base", "first"), [("txt", None, 0), ("pts", None, 1), ("txt", 1, 1), ("pts", 0, 0)]
)
def test_points_count_from_where_their_format_says(tmp_path, ending, base, first):
    points = raw.points("a", 1)
    lines = "\n".join(f"{x} {y}" for x, y in points + first)
    framed = f"version: 1\nn_points: 49\n{{\n{lines}\n}}\n"
    (tmp_path / f"a.{ending}").write_text({"pts": framed, "txt": lines}[ending])

    reading = read(one_line(tmp_path, landmarks=f"a.{ending}"), landmark_base=base)

    np.testing.assert_allclose(reading.recordings[0].landmarks_NL2[0], points, atol=1e-4)


@pytest.mark.parametrize("count", [49, 66, 68])
def test_arrays_of_49_66_and_68_points_give_the_same_landmarks(tmp_path, count):
    points = raw.points("a", 1)
    inner = [(0.0, 0.0)] * 2
    full = raw.with_jaw(points)
    forms = {49: points, 66: full, 68: np.insert(full, [60, 63], inner, axis=0)}
    np.save(tmp_path / "a.npy", forms[count])

    reading = read(one_line(tmp_path, landmarks="a.npy"))

    np.testing.assert_allclose(reading.recordings[0].landmarks_NL2[0], points, atol=1e-4)


def test_an_array_per_frame_and_a_table_are_looked_up_by_frame(tmp_path):
    tracks = np.stack([raw.points("a", frame) for frame in range(4)])
    np.save(tmp_path / "a.npy", tracks)
    header = ["frame", *(f"{axis}{point}" for point in range(49) for axis in "xy")]
    rows = [[frame, *tracks[frame].ravel().tolist()] for frame in range(4)]
    raw.write_csv(tmp_path / "a.csv", [header, *rows])

    for name in ("a.npy", "a.csv"):
        reading = read(one_line(tmp_path, landmarks=name, frame=2))
        np.testing.assert_allclose(reading.recordings[0].landmarks_NL2[0], tracks[2], atol=1e-4)


def test_a_pickle_is_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)

    findings = read(one_line(tmp_path, landmarks="a.npy")).findings

    assert "allow_pickle" in next(f.message for f in findings if f.code == "landmark_file")


def test_groups_and_times_are_kept(tmp_path):
    reading = read(one_line(tmp_path, group="ward", time_s="1.5"))

    assert reading.recordings[0].group == "ward"
    assert reading.recordings[0].time_N.tolist() == [1.5]


def test_gft_groups_are_the_three_digits(tmp_path):
    reading = read(raw.write_gft(tmp_path), "gft")

    groups = {recording.subject: recording.group for recording in reading.recordings}
    assert groups == {"001A": "001", "001B": "001", "002A": "002", "003A": "003"}
    first = reading.recordings[0]
    assert first.number_N.tolist() == [1, 2, 3, 4]
    assert [path.name for path in first.pictures.paths] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    np.testing.assert_allclose(first.landmarks_NL2[2], raw.points("001A", 3), atol=1e-4)


def test_gft_intensities_beside_occurrences_are_not_read(tmp_path):
    raw.write_gft(tmp_path)
    raw.write_csv(tmp_path / "AU_Intensity/001A.csv", [["frame", 1], [1, 5]])

    findings = read(tmp_path, "gft").findings

    assert [finding.severity for finding in findings] == ["note"]


def test_gft_videos_begin_with_the_first_frame(tmp_path):
    raw.write_gft(tmp_path, people=["001A"])
    for path in (tmp_path / "001A").iterdir():
        path.unlink()
    (tmp_path / "001A.avi").write_bytes(b"video")

    pictures = read(tmp_path, "gft").recordings[0].pictures

    assert pictures.index_N.tolist() == [0, 1, 2, 3]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    coded=st.sets(st.integers(1, 30), min_size=1, max_size=12),
    pictured=st.sets(st.integers(1, 30), min_size=1, max_size=12),
    offset=st.sampled_from([-1, 0, 1]),
)
def test_frames_are_those_with_label_and_picture_whatever_the_gaps(
    tmp_path_factory, coded, pictured, offset
):
    folder = tmp_path_factory.mktemp("bp4d")
    raw.write_bp4d(
        folder, subjects=["F001"], coded=sorted(coded), pictured=sorted(pictured), offset=offset
    )

    reading = read(folder, "bp4d", frame_offset=offset)

    found = [
        (number, int(path.stem) - offset, labels.tolist())
        for recording in reading.recordings
        for number, path, labels in zip(
            recording.number_N.tolist(),
            recording.pictures.paths,
            recording.labels_NA[:, :2],
            strict=True,
        )
    ]
    assert found == [
        (number, number, [raw.label("F001T1", number, unit) for unit in (1, 2)])
        for number in sorted(coded & pictured)
    ]


@pytest.mark.parametrize(
    "rows",
    ["bert.mp4,bert,x,0", "anna/0.png,anna,1,0\nanna/1.png,anna,1.5,0"],
    ids=["of a video", "of pictures"],
)
def test_a_frame_that_cannot_be_read_brings_no_error_but_its_own(tmp_path, rows):
    raw.write_pictures_with_manifest(tmp_path, subjects=["anna"])
    (tmp_path / "bert.mp4").write_bytes(b"video")
    (tmp_path / "manifest.csv").write_text(f"file,subject,frame,AU1\n{rows}\n")

    findings = adapter_of("manifest").read(tmp_path, ReadOptions()).findings

    (refused,) = [finding.message for finding in findings if finding.severity == "refused"]
    assert refused.endswith("expected a whole number from 0")
