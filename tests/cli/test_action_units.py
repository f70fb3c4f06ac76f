"""From a raw layout to scores, as a user types it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data import raw_layouts as raw

SUBJECTS = ("F001", "F002", "F003", "F005", "F004", "F006")


@pytest.fixture
def bp4d(tmp_path: Path) -> Path:
    frames = range(3, 7)
    return raw.write_bp4d(
        tmp_path / "bp4d", subjects=SUBJECTS, coded=frames, pictured=range(1, 9), real=True
    )


def test_a_dataset_of_action_units_is_prepared_listed_described_and_verified(
    run: Any, home: Path, bp4d: Path
) -> None:
    prepared = run("data", "prepare", "bp4d", "--source", bp4d, "--name", "b", "--jobs", 1)
    listed = run("data", "list", "--json")
    described = run("data", "info", "b")
    verified = run("data", "verify", "b")

    assert prepared.code == 0
    assert "b prepared: 6 subjects, 6 videos, 24 frames" in prepared.out
    assert "next: algr cv --dataset b\n" in prepared.err
    assert [(row["kind"], row["frames"]) for row in json.loads(listed.out)] == [("au", 24)]
    assert "part 1: 2, part 2: 2, part 3: 2" in described.out
    assert verified.out == "b: intact, 1 shards, 24 frames\n"


def test_json_of_a_preparation_holds_rates_codes_and_findings(
    run: Any, home: Path, bp4d: Path
) -> None:
    words = ("data", "prepare", "bp4d", "--source", bp4d, "--name", "b", "--labels", "AU1,au02,4")

    values = json.loads(run(*words, "--jobs", 1, "--json").out)

    assert list(values["label_rates"]) == ["AU1", "AU2", "AU4"]
    assert values["missing_codes"] == {}
    assert {finding["code"] for finding in values["findings"]} == {"partial_copy", "segment"}


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("bp4d", "--threshold", "3"), 2, "--threshold means nothing for bp4d"),
        (("bp4d", "--fps", "3"), 2, "--fps means nothing for bp4d"),
        (("gft", "--camera", "left"), 2, "--camera means nothing for gft"),
        (("clinic", "--labels", "AU1"), 2, "--labels means nothing for clinic"),
        (("bp4d", "--labels", "AU1,smile"), 2, "--labels AU1,smile: 'smile' names no action unit"),
        (("bp4d", "--labels", ","), 2, "--labels ,"),
        (("bp4d", "--labels", "AU77"), 4, "has no column of AU77; choose with --labels among"),
        (("disfa",), 4, "looks like bp4d, not like disfa"),
        (("disfa", "--threshold", "6"), 2, "or equal to 5"),
        (("bp4d", "--landmark-base", "2"), 2, "or equal to 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    run: Any, home: Path, bp4d: Path, words: tuple[str, ...], code: int, text: str
) -> None:
    kind, *more = words

    done = run("data", "prepare", kind, "--source", bp4d, "--name", "b", *more)

    assert done.code == code
    assert text in done.err
    assert not home.exists()


@pytest.mark.slow
@pytest.mark.ray
def test_cross_validation_of_action_units_uses_the_published_parts(
    run: Any, home: Path, bp4d: Path
) -> None:
    run("data", "prepare", "bp4d", "--source", bp4d, "--name", "b", "--jobs", 1)

    done = run("cv", "--dataset", "b", "--preset", "tiny", "--set", "train.num_epochs=1", "--json")

    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert [(fold["part"], fold["test_subjects"]) for fold in result["folds"]] == [
        (1, 2),
        (2, 2),
        (3, 2),
    ]
    assert 0 <= result["mean"]["f1_mean"] <= 1


def test_the_doctor_and_the_ids_read_with_the_options_of_the_preparation(
    run: Any, home: Path, tmp_path: Path
) -> None:
    source = raw.write_disfa(tmp_path / "disfa", subjects=["SN001"], frames=4, pictures="")
    raw.write_avi(source / "Video_RightCamera/RightVideoSN001_Comp.avi", "SN001", 4)
    right = ("--camera", "right", "--labels", "AU1,AU4", "--threshold", 1)

    blind = run("data", "doctor", source)
    told = json.loads(run("data", "doctor", source, *right, "--json").out)
    prepared = run(*told["command"].split()[1:], "--jobs", 1)
    ids = json.loads(run("data", "ids", "disfa", "--source", source, *right, "--json").out)

    assert blind.code == 4
    assert told["command"].endswith(" --labels AU1,AU4 --threshold 1 --camera right")
    assert prepared.code == 0
    assert [row["id"] for row in ids] == ["SN001", "SN001"]


@pytest.mark.parametrize("command", ["doctor", "ids"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--camera", "right"), "--camera means nothing for bp4d"),
        (("--threshold", 2), "--threshold means nothing for bp4d"),
        (("--labels", "smile"), "--labels smile"),
    ],
)
def test_options_that_do_not_fit_a_source_are_refused_by_those_that_read_it(
    run: Any, home: Path, bp4d: Path, command: str, words: tuple[object, ...], text: str
) -> None:
    assert run("data", "prepare", "bp4d", "--source", bp4d, "--name", "b", "--jobs", 1).code == 0
    place = {"doctor": (bp4d,), "ids": ("b", "--source", bp4d)}[command]

    typed = run("data", command, *place, *words)

    assert (typed.code, text in typed.err) == (2, True)


def test_a_dataset_is_shown_in_a_table_of_90_columns(run: Any, home: Path, bp4d: Path) -> None:
    run("data", "prepare", "bp4d", "--source", bp4d, "--name", "b", "--jobs", 1)

    shown = run("data", "info", "b").out

    assert max(map(len, shown.replace(str(home), "").splitlines())) <= 90
    assert "b: dataset of kind au\n" in shown
    assert len(shown.splitlines()) < 40
