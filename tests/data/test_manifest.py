import pytest

from algr.data.clinic import Rater, read_manifest
from algr.data.videos import Exercise
from algr.errors import DataError

HEAD = "video,patient_id,grade_hb\n"
FULL = "video,patient_id,visit,grade_hb,rater,affected_side,exercise,start_s,end_s\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text, encoding="utf-8"):
        (tmp_path / "manifest.csv").write_bytes(text.encode(encoding))
        return read_manifest(tmp_path)

    return read_text


def test_the_required_columns_are_enough(read):
    (video,) = read(HEAD + "a.mp4,p1,IV\n").videos

    assert (video.video, video.patient_id, video.grade_hb, video.line) == ("a.mp4", "p1", 4, 2)
    assert (video.visit, video.fps, video.exclude_reason, video.exercises) == (0, None, "", ())


def test_lines_of_several_raters_and_exercises_become_one_video(read):
    (video,) = read(
        FULL
        + "a.mp4,17,1,IV,A,left,rest,0,2.5\n"
        + "a.mp4,17,1,IV,A,left,smile_open,2.5,6\n"
        + "a.mp4,17,1,III,B,left,smile_open,2.5,6\n"
        + "a.mp4,17,1,,,,pucker,6,\n"
    ).videos

    assert video.ratings == (Rater(name="A", grade_hb=4), Rater(name="B", grade_hb=3))
    assert video.grade_hb == 4
    assert video.affected_side == "left"
    assert video.exercises == (
        Exercise(name="rest", start_s=0, end_s=2.5),
        Exercise(name="smile_open", start_s=2.5, end_s=6),
        Exercise(name="pucker", start_s=6, end_s=None),
    )


def test_visits_are_numbered_in_their_natural_order(read):
    manifest = read(
        "video,patient_id,grade_hb,visit\na.mp4,p,1,10\nb.mp4,p,1,2\nc.mp4,q,1,\nd.mp4,p,1,2\n"
    )

    assert [video.visit for video in manifest.videos] == [1, 0, 0, 0]


def test_a_line_with_a_reason_excludes_its_stretch_or_else_the_video(read):
    manifest = read(
        "video,patient_id,grade_hb,exercise,start_s,end_s,exclude_reason\n"
        "a.mp4,p,2,rest,0,1,\n"
        "a.mp4,p,2,pucker,1,2,hand before the face\n"
        "b.mp4,p,2,,,,no consent\n"
        "c.mp4,p,2,rest,0,1,\n"
        "c.mp4,p,2,,,,blurred\n"
    )

    a, b, c = manifest.videos
    assert (a.exclude_reason, a.excluded) == ("", (Exercise(name="pucker", start_s=1, end_s=2),))
    assert [exercise.name for exercise in a.exercises] == ["rest"]
    assert (b.exclude_reason, c.exclude_reason) == ("no consent", "blurred")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_of_spreadsheets_are_understood(read, separator):
    text = (HEAD + "a.mp4,p1,2.5\n").replace(",", separator).replace("2.5", "2,5")

    assert read(text).videos[0].grade_hb == 3


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_excels_line_of_the_separator_is_read_and_counted(read, separator):
    text = f"sep={separator}\r\n" + (HEAD + "a.mp4,p1,3\n").replace(",", separator)

    (video,) = read(text).videos
    assert (video.video, video.line, video.grade_hb) == ("a.mp4", 3, 3)


def test_mistakes_below_excels_line_are_told_with_their_lines(read):
    with pytest.raises(DataError) as caught:
        read("sep=;\nvideo;patient_id;grade_hp\na.mp4;p;9\n")

    assert [problem[:7] for problem in caught.value.problems] == ["line 2:", "line 3:"]


def test_an_empty_manifest_is_named(read):
    with pytest.raises(DataError, match=r"manifest.csv: is empty; expected the columns video"):
        read("\n\n")


def test_mark_capitals_spaces_blank_lines_and_backslashes_do_not_matter(read):
    manifest = read(
        ' Video ,PATIENT_ID,Grade_HB,exercise\r\n\r\n,,,\r\nx\\a.mp4 , p1 ,"II–III",Smile open\r\n',
        encoding="utf-8-sig",
    )

    (video,) = manifest.videos
    assert (video.video, video.patient_id, video.grade_hb) == ("x/a.mp4", "p1", 3)
    assert video.exercises[0].name == "smile_open"


def test_unknown_columns_are_ignored_with_a_warning(read):
    manifest = read("video,patient_id,grade_hb,date,age\na.mp4,p,1,2020-01-01,50\n")

    assert manifest.warnings == (
        "manifest.csv: column 'date' is not known and was ignored",
        "manifest.csv: column 'age' is not known and was ignored",
    )


def test_two_spellings_of_a_patient_are_warned_of_without_the_name(read):
    (warning,) = read(HEAD + "a.mp4,P 17,1\nb.mp4,p17,1\nc.mp4,p17,1\n").warnings

    assert "lines 2 and 3" in warning
    assert "17" not in warning.replace("lines 2 and 3", "")


def test_ids_that_are_one_number_are_warned_of(read):
    warnings = read(HEAD + "a.mp4,007,1\nb.mp4,7,1\nc.mp4,7.0,1\nd.mp4,8,1\n").warnings

    assert [warning[:13] for warning in warnings] == ["lines 2 and 3", "lines 2 and 4"]


def test_a_video_without_a_grade_is_unknown_where_its_patient_has_one(read):
    manifest = read(HEAD + "a.mp4,p,2\nb.mp4,p,\n")

    assert [video.grade_hb for video in manifest.videos] == [2, -1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("vidoe,patient_id,grade_hb\n", "unknown column 'vidoe'; did you mean 'video'?"),
        ("video,patientid,grade_hb\n", "unknown column 'patientid'; did you mean 'patient_id'?"),
        ("video,patient_id,hb_grade\n", "column 'grade_hb' is missing"),
        ("video,patient_id,grade_hb,rates\n", "unknown column 'rates'; did you mean 'rater'?"),
        ("video,patient_id,grade_hb,video\n", "column 'video' stands there 2 times"),
        ("a\n", "column 'video' is missing"),
        (HEAD, "no video is named"),
        (HEAD + "a.mp4,p,VII\n", "line 2: grade_hb: 'VII'; expected 1-6"),
        (HEAD + "a.mp4,p,0\n", "line 2: grade_hb: '0'; expected 1-6"),
        (HEAD + ",p,1\n", "line 2: video: empty"),
        (HEAD + "a.mp4,,1\n", "line 2: patient_id: empty"),
        (HEAD + "a.mp4,p,1,x\n", "line 2: 4 cells under 3 columns"),
        (HEAD + "a.mp4,p\n", "line 2: 2 cells under 3 columns"),
        (HEAD + "a.mp4,p,\n", "line 2: grade_hb: no video of this patient has a grade"),
        (HEAD + "a.mp4,p,1\na.mp4,q,1\n", "line 3: patient_id: not the same as in line 2"),
        (HEAD + "a.mp4,p,1\na.mp4,p,2\n", "line 3: grade_hb: without a rater, the video 2 here"),
        (HEAD + "a.mp4,p,1\na.mov,p,1\n", "line 3: video: has the same name but for its ending"),
        (FULL + "a.mp4,p,1,1,A,,,,\na.mp4,p,1,2,A,,,,\n", "line 3: grade_hb: rater 'A' gives"),
        (FULL + "a.mp4,p,1,1,,links,,,\n", "line 2: affected_side: 'links'; expected one of left"),
        (FULL + "a.mp4,p,1,1,,,yawn,,\n", "line 2: exercise: 'yawn'; expected one of rest"),
        (FULL + "a.mp4,p,1,1,,,rest,-1,\n", "line 2: start_s: '-1'; expected seconds"),
        (FULL + "a.mp4,p,1,1,,,rest,0,nan\n", "line 2: end_s: 'nan'; expected seconds"),
        (FULL + "a.mp4,p,1,1,,,rest,3,2\n", "line 2: end_s: 2 is not after start_s, 3"),
        (
            FULL + "a.mp4,p,1,1,,,rest,0,2\na.mp4,p,1,1,,,pucker,1,3\n",
            "line 3: exercise: 'pucker' begins at 1 s, before 'rest' of line 2 ends",
        ),
        ("video,patient_id,grade_hb,fps_override\na.mp4,p,1,0\n", "line 2: fps_override: '0'"),
    ],
)
def test_each_mistake_is_told_with_its_line(read, text, problem):
    with pytest.raises(DataError) as caught:
        read(text)

    assert problem in caught.value.message
    assert caught.value.exit_code == 4


TIMED = "video,patient_id,grade_hb,exercise,start_s,end_s\n"


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        ("rest,0,2\nRpucker,x,4\nRsmile_open,4,6\n", ["line 3: start_s"]),
        ("rest,0,x\nRpucker,2,4\nRsmile_open,4,6\n", ["line 2: end_s"]),
        ("rest,0,2\nRpucker,4,3\nRsmile_open,3,6\n", ["line 3: end_s"]),
        ("rest,x,0\n", ["line 2: start_s"]),
        ("rest,x,2\nRrest,y,2\n", ["line 2: start_s", "line 3: start_s"]),
        ("rest,0,2\nRpucker,2,x\nRsmile_open,1,6\n", ["line 3: end_s", "line 4: exercise"]),
    ],
    ids=[
        "a beginning",
        "an end",
        "an end too early",
        "an end of 0",
        "two beginnings",
        "an end and an overlap",
    ],
)
def test_a_time_that_cannot_be_read_brings_no_error_but_its_own(read, rows, places):
    with pytest.raises(DataError) as caught:
        read(TIMED + "a.mp4,p,1," + rows.replace("R", "a.mp4,p,1,"))

    assert [": ".join(text.split(": ")[:2]) for text in caught.value.problems] == places


@pytest.mark.parametrize(
    "rows",
    [
        "a.mp4,p,1,A,rest,0,2\na.mp4,p,1,B,rest,0,2\n",
        "a.mp4,p,1,A,rest,0,2\na.mp4,p,1,A,pucker,2,4\n",
        "a.mp4,p,1,A,,,\na.mp4,p,1,A,rest,0,2\n",
        "a.mp4,p,1,,,,\nb.mp4,p,1,,,,\n",
    ],
    ids=["another rater", "another exercise", "a stretch of it", "another video"],
)
def test_lines_that_differ_in_what_they_say_stand_there_once(read, rows):
    assert read("video,patient_id,grade_hb,rater,exercise,start_s,end_s\n" + rows).videos


def test_of_lines_that_stand_there_three_times_both_copies_name_the_first(read):
    with pytest.raises(DataError) as caught:
        read(HEAD + "a.mp4,p,1\nb.mp4,q,2\na.mp4,p,1\n./a.mp4,p,1\n")

    told = [problem.partition(":")[0:3] for problem in caught.value.problems]
    assert [(place, what[:26]) for place, _, what in told] == [
        ("line 4", " stands in line 2 already:"),
        ("line 5", " stands in line 2 already:"),
    ]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines(read):
    with pytest.raises(DataError) as caught:
        read(FULL + "a.mp4,p,1,9,,,,,\nb.mp4,,1,1,,,jump,x,\nc.mp4,p,1,1,,,,,\nc.mp4,q,1,1,,,,,\n")

    assert caught.value.found.endswith("manifest.csv: 5 problems")
    lines = [problem.split(":")[0] for problem in caught.value.problems]
    assert lines == ["line 2", "line 3", "line 3", "line 3", "line 5"]


def test_a_long_list_of_mistakes_is_cut(read):
    with pytest.raises(DataError, match="60 problems") as caught:
        read(HEAD + "".join(f"{number}.mp4,p,9\n" for number in range(60)))

    assert caught.value.problems[-1] == "and 20 more"


def test_a_folder_without_manifest_says_what_is_expected(tmp_path):
    with pytest.raises(DataError, match=r"no manifest\.csv") as caught:
        read_manifest(tmp_path)

    assert "video, patient_id, grade_hb" in caught.value.message


def test_a_manifest_that_is_not_utf8_says_so(read):
    with pytest.raises(DataError, match="not UTF-8"):
        read(HEAD + "müller.mp4,p,1\n", encoding="latin-1")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ('a.mp4,p,1\nb.mp4,"q,2\nc.mp4,r,3\n', "line 3: the quote that opens here is not closed"),
        ('a.mp4,"p,1\nb.mp4,"q",2\n', "line 2: the quote that opens here is not closed"),
        ('a.mp4,"p""x",1\n\nb.mp4,"q""\nc.mp4,r,3\n', "line 4: the quote that opens here"),
        ('a.mp4,"p,1\nb.mp4,q,2\nc.mp4,r",3\n', "line 2: patient_id: a line break in the cell"),
        ("a.mp4,p,1\nb.mp4," + 140_000 * "q" + ",2\n", "line 3: field larger than field limit"),
        ('a.mp4,"p' + 140_000 * "q" + ",2\n", "line 2: the quote that opens here is not closed"),
    ],
)
def test_a_quote_that_swallows_patients_and_what_is_no_table_are_named(read, rows, message):
    with pytest.raises(DataError) as caught:
        read(HEAD + rows)

    (problem,) = caught.value.problems
    assert problem.startswith(message)


def test_a_quote_in_the_header_that_is_not_closed_is_named(read):
    with pytest.raises(DataError, match="line 1: the quote that opens here is not closed"):
        read('video,"patient_id,grade_hb\na.mp4,p,1\n')


def test_a_remark_may_have_line_breaks_and_later_lines_keep_their_numbers(read):
    text = 'video,patient_id,grade_hb,remark\na.mp4,p,1,"one\ntwo, ""three"""\nb.mp4,q,2,\n'

    assert [(video.patient_id, video.line) for video in read(text).videos] == [("p", 2), ("q", 4)]
