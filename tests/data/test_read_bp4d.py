import h5py
import numpy as np
import pytest

from algr.data import ReadOptions, adapter_of
from algr.data.adapters.bp4d import LABELS
from algr.data.published import PUBLISHED_PARTS
from tests.data import raw_layouts as raw


def read(folder, **options):
    return adapter_of("bp4d").read(folder, ReadOptions(**options))


def codes(reading):
    return {(finding.severity, finding.code) for finding in reading.findings}


def with_code(reading, code):
    return [finding for finding in reading.findings if finding.code == code]


def test_labels_landmarks_and_pictures_of_a_frame_belong_together(tmp_path):
    reading = read(raw.write_bp4d(tmp_path))

    first = reading.recordings[0]
    assert (first.name, first.subject, first.group) == ("F001_T1", "F001", "")
    assert first.number_N.tolist() == [5, 6, 7, 8]
    assert [path.name for path in first.pictures.paths] == [
        "0005.jpg",
        "0006.jpg",
        "0007.jpg",
        "0008.jpg",
    ]
    units = [int(name[2:]) for name in LABELS]
    assert first.labels_NA.tolist() == [
        [raw.label("F001T1", frame, unit) for unit in units] for frame in (5, 6, 7, 8)
    ]
    np.testing.assert_allclose(first.landmarks_NL2[2], raw.points("F001T1", 7), atol=1e-4)


@pytest.mark.parametrize(
    "pictures", ["Sequences(2D+3D)", "BP4D", "", "BP4D/Sequences(2D+3D)", "images"]
)
@pytest.mark.parametrize("name", ["{:04d}.jpg", "{:03d}.jpg", "{:d}.jpg", "{:05d}.JPG", "{:d}.png"])
def test_roots_and_paddings_that_users_have_are_read_alike(tmp_path, pictures, name):
    reading = read(raw.write_bp4d(tmp_path, pictures=pictures, name=name))

    assert [recording.number_N.tolist() for recording in reading.recordings] == [[5, 6, 7, 8]] * 3
    assert not with_code(reading, "picture_missing")


def test_capitals_of_folders_and_tables_do_not_matter(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"])
    table = tmp_path / "AUCoding/AU_OCC/F001_T1.csv"
    table.rename(table.with_name("f001_t1.csv"))
    (tmp_path / "Sequences(2D+3D)/F001").rename(tmp_path / "Sequences(2D+3D)/f001")

    assert [recording.name for recording in read(tmp_path).recordings] == ["F001_T1"]


def test_only_the_coded_segment_is_taken(tmp_path):
    reading = read(raw.write_bp4d(tmp_path, coded=[5, 6], pictured=range(1, 30)))

    assert [len(recording.number_N) for recording in reading.recordings] == [2, 2, 2]
    assert with_code(reading, "segment")[0].count == 3 * 27


def test_missing_codes_mask_their_label_and_never_the_frame(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"])
    table = tmp_path / "AUCoding/AU_OCC/F001_T1.csv"
    cells = [9, -1, 999, ""]
    used = [1, 2, 4, 6]
    values = ["1"] * 27
    values[0], values[1], values[3], values[5] = (str(cell) for cell in cells)
    raw.change_line(table, 2, ",".join(["5", *values]))

    reading = read(tmp_path)

    first = reading.recordings[0]
    assert first.number_N.tolist() == [5, 6, 7, 8]
    assert first.labels_NA[0, : len(used)].tolist() == [-1, -1, -1, -1]
    assert first.labels_NA[0, len(used) :].tolist() == [1] * 8
    assert reading.missing_codes == {"9": 1, "-1": 1, "999": 1, "empty": 1}


def test_codes_of_columns_that_nobody_asked_for_are_not_counted(tmp_path):
    assert read(raw.write_bp4d(tmp_path)).missing_codes == {}


def test_other_action_units_can_be_chosen(tmp_path):
    reading = read(raw.write_bp4d(tmp_path), label_names=("AU20", "AU5"))

    assert reading.label_names == ("AU20", "AU5")
    assert reading.recordings[0].labels_NA[0].tolist() == [
        raw.label("F001T1", 5, 20),
        raw.label("F001T1", 5, 5),
    ]


def test_empty_landmark_entries_are_frames_without_landmarks(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"])
    cells = [raw.points("F001T1", frame) + 1 for frame in range(1, 11)]
    raw.write_cells(tmp_path / "2DFeatures/F001_T1.mat", [*cells[:5], None, *cells[6:]])

    reading = read(tmp_path)

    missing = np.isnan(reading.recordings[0].landmarks_NL2).all(axis=(1, 2))
    assert missing.tolist() == [False, True, False, False]
    assert with_code(reading, "landmarks_missing")[0].count == 1


def test_null_references_and_short_cell_arrays_are_frames_without_landmarks(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"])
    with h5py.File(tmp_path / "2DFeatures/F001_T1.mat", "w") as file:
        file.create_dataset("fit/pred", (6, 1), dtype=h5py.ref_dtype)

    landmarks = read(tmp_path).recordings[0].landmarks_NL2

    assert np.isnan(landmarks).all()


@pytest.mark.parametrize(("base", "shift"), [(None, 0), (1, 0), (0, 1)])
def test_landmarks_count_from_one_unless_told_otherwise(tmp_path, base, shift):
    reading = read(raw.write_bp4d(tmp_path), landmark_base=base)

    expected = raw.points("F001T1", 5) + shift
    np.testing.assert_allclose(reading.recordings[0].landmarks_NL2[0], expected, atol=1e-4)
    assert reading.parameters["landmark_base"] == (1 if base is None else base)


def test_the_last_column_of_the_fera_variant_leaves_occluded_frames_out(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"], tables="AUCoding")
    table = tmp_path / "AUCoding/F001_T1.csv"
    lines = table.read_text().splitlines()
    flags = ["99", "0", "1", "0", "0"]
    table.write_text("\n".join(f"{line},{flag}" for line, flag in zip(lines, flags, strict=True)))

    reading = read(tmp_path)

    assert reading.variant == "FERA 2015"
    assert reading.recordings[0].number_N.tolist() == [5, 7, 8]
    assert reading.recordings[0].left_out == {"occluded": 1}
    assert with_code(reading, "occluded")[0].severity == "note"


def test_a_last_column_of_au_occ_is_no_occlusion_flag(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"])
    table = tmp_path / "AUCoding/AU_OCC/F001_T1.csv"
    lines = table.read_text().splitlines()
    flags = ["99", "1", "1", "1", "1"]
    table.write_text("\n".join(f"{line},{flag}" for line, flag in zip(lines, flags, strict=True)))

    assert read(tmp_path).recordings[0].number_N.tolist() == [5, 6, 7, 8]


def test_bp4d_plus_is_told_apart_and_counts_its_pictures_from_zero(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F050"], pictures="2D+3D", offset=-1)

    reading = read(tmp_path)

    assert reading.variant == "BP4D+"
    assert reading.parts == {}
    assert reading.published is None
    assert reading.recordings[0].pictures.paths[0].name == "0004.jpg"
    assert ("note", "frame_offset_of_bp4d_plus") in codes(reading)


def test_an_offset_that_fits_better_is_pointed_out(tmp_path):
    reading = read(raw.write_bp4d(tmp_path, pictured=[5, 6, 7, 8], offset=-1))

    finding = with_code(reading, "frame_offset")[0]
    assert "with --frame-offset 0 9 of 12" in finding.message
    assert "with -1 12" in finding.message


def test_an_offset_can_be_chosen_and_is_recorded(tmp_path):
    raw.write_bp4d(tmp_path, pictured=[5, 6, 7, 8], offset=-1)

    reading = read(tmp_path, frame_offset=-1)

    assert reading.recordings[0].pictures.paths[0].name == "0004.jpg"
    assert reading.parameters["frame_offset"] == -1
    assert not with_code(reading, "frame_offset")


def test_the_published_counts_and_parts_come_with_the_reading(tmp_path):
    reading = read(raw.write_bp4d(tmp_path))

    assert (reading.published.subjects, reading.published.frames) == (41, 146_576)
    assert reading.parts == {"F001": 1, "F003": 2, "F004": 3}
    assert [finding.count for finding in with_code(reading, "partial_copy")] == [3 * 7, 38]


def test_the_three_parts_are_those_of_the_literature():
    sizes = np.bincount(list(PUBLISHED_PARTS["bp4d"].values())).tolist()
    assert sizes == [0, 14, 14, 13]
    assert set(PUBLISHED_PARTS["bp4d"]) == {
        *(f"F{number:03d}" for number in range(1, 24)),
        *(f"M{number:03d}" for number in range(1, 19)),
    }


def test_a_copy_that_is_linked_into_itself_is_read_once(tmp_path):
    raw.write_bp4d(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "AUCoding" / "loop").symlink_to(tmp_path / "AUCoding" / "loop")

    reading = read(tmp_path)

    assert len(reading.recordings) == 3
    assert "refused" not in {finding.severity for finding in reading.findings}


def test_everything_wrong_is_told_at_once_up_to_a_limit_with_the_total(tmp_path):
    raw.write_bp4d(tmp_path, subjects=["F001"], coded=range(1, 61), pictured=range(1, 61))
    table = tmp_path / "AUCoding/AU_OCC/F001_T1.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *(f"{line[: line.index(',')]},7" for line in lines[1:])]))

    findings = with_code(read(tmp_path), "label_line")

    assert len(findings) == 41
    assert findings[-1].message == "and 20 more like the one above, 60 in all"
    assert sum(finding.count for finding in findings) == 60
