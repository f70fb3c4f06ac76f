"""The commands that look at sources, folds and patients, as they are typed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Type


def test_the_doctor_examines_a_clinic_and_its_command_prepares_it(
    run: Type, clinic: Path, home: Path
) -> None:
    shown = run("data", "doctor", clinic, "--sample", 40, "--jobs", 1)
    told = json.loads(run("data", "doctor", clinic, "--sample", 40, "--jobs", 1, "--json").out)

    assert shown.code == 0
    lines = shown.out.splitlines()
    assert lines[0] == str(clinic)
    assert max(map(len, lines[1:-1])) <= 100
    assert lines[-1] == f"next: {told['command']}"
    assert (told["layout"], told["verdict"]) == ("clinic", "warnings")
    assert run(*told["command"].split()[1:], "--fps", 2).code == 0


def test_a_source_that_is_refused_has_the_exit_code_of_data(
    run: Type, home: Path, tmp_path: Path
) -> None:
    source = tmp_path / "clinic"
    source.mkdir()
    (source / "manifest.csv").write_text("video,patient_id,grade_hb\na.mp4,P1,2\n")

    shown = run("data", "doctor", source)
    told = run("data", "doctor", source, "--json")

    assert (shown.code, told.code) == (4, 4)
    assert "a.mp4" in shown.out
    assert json.loads(told.out)["verdict"] == "refused"
    assert json.loads(told.out)["command"] == ""


def test_the_text_shows_every_mistake_up_to_the_limit_and_how_many_more(
    run: Type, home: Path, tmp_path: Path
) -> None:
    source = tmp_path / "clinic"
    source.mkdir()

    def told(rows: int) -> str:
        lines = [f"{number}.mp4,P{number},9" for number in range(rows)]
        text = "\n".join(["video,patient_id,grade_hb", *lines]) + "\n"
        (source / "manifest.csv").write_text(text)
        return " ".join(run("data", "doctor", source).out.split())

    nine, sixty = told(9), told(60)

    assert nine.count("grade_hb: '9'") == 9
    assert "more" not in nine.partition("grades")[0]
    assert sixty.count("grade_hb: '9'") == 40
    assert sixty.count("and 20 more like the one above, 60 in all") == 2


@pytest.fixture
def prepared(run: Type, clinic: Path, home: Path) -> Path:
    words = ("--source", clinic, "--name", "sim", "--fps", 3, "--jobs", 1)
    assert run("data", "prepare", "clinic", *words).code == 0
    return home


def test_folds_are_shown_and_told_as_json(run: Type, prepared: Path) -> None:
    shown = run("data", "folds", "sim", "--folds", 2, "--protocol", "paper")
    told = json.loads(
        run("data", "folds", "sim", "--folds", 2, "--protocol", "paper", "--json").out
    )

    assert told["folds_hash"] in shown.out
    assert [part["part"] for part in told["folds"][0]["parts"]] == ["train", "test"]
    assert all(len(line) <= 100 for line in shown.out.splitlines())


def test_a_patient_is_purged_by_the_id_of_the_manifest(
    run: Type, prepared: Path, clinic: Path
) -> None:
    manifest = ("--manifest", clinic / "manifest.csv", "--json")
    ids = json.loads(run("data", "ids", "sim", *manifest).out)
    patient = ids[0]["id"]
    before = json.loads(run("data", "info", "sim", "--json").out)

    dry = run("data", "purge", patient, "--dataset", "sim", "--dry-run")
    done = json.loads(run("data", "purge", patient, "--all", "--yes", "--json").out)

    after = json.loads(run("data", "info", "sim", "--json").out)
    assert dry.code == 0
    assert "would be removed" in dry.out
    assert after["subjects"] == before["subjects"] - 1
    assert done["datasets"][0]["fingerprint"] == after["fingerprint"] != before["fingerprint"]
    assert run("data", "verify", "sim").code == 0
    again = run("data", "purge", ids[0]["hash"], "--hash", "--dataset", "sim", "--yes")
    assert again.code == 4
    assert "the patient is not in dataset 'sim'" in again.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--yes",), "neither --dataset nor --all"),
        (("--all", "--dataset", "sim", "--yes"), "both --dataset and --all"),
        (("--all",), "nobody can be asked"),
    ],
)
def test_a_purge_that_is_not_clear_is_refused(
    run: Type, home: Path, words: tuple[str, ...], message: str
) -> None:
    typed = run("data", "purge", "P001", *words)

    assert typed.code == 2
    assert message in typed.err
    assert not home.exists()


def test_a_purge_without_the_key_says_what_is_missing(run: Type, home: Path) -> None:
    typed = run("data", "purge", "P001", "--all", "--yes")

    assert typed.code == 4
    assert "--hash" in typed.err


def test_what_is_proposed_after_a_preparation_can_work(
    run: Type, clinic: Path, home: Path, tmp_path: Path
) -> None:
    source = tmp_path / "clinic"
    shutil.copytree(clinic, source)
    words = ("data", "prepare", "clinic", "--source", source, "--fps", 1, "--jobs", 1)
    drawn = run(*words, "--name", "drawn")
    (source / "simulated.json").unlink()
    real = run(*words, "--name", "real")
    rows = (source / "manifest.csv").read_text().splitlines()
    (source / "manifest.csv").write_text("\n".join(rows[:2]) + "\n")
    single = run(*words, "--name", "single")

    assert drawn.err.splitlines()[-1] == "next: algr cv --dataset drawn --preset tiny"
    assert real.err.splitlines()[-1] == "next: algr cv --dataset real"
    assert single.err.splitlines()[-1].startswith("next: add recordings of more people")


def test_a_command_that_is_advised_can_be_pasted(run: Type, home: Path, tmp_path: Path) -> None:
    source = tmp_path / "my clinic"
    source.mkdir()
    (source / "manifest.csv").write_text("video,patient_id,grade_hb\n")

    refused = run("data", "prepare", "bp4d", "--source", source, "--name", "x")

    assert f"to do: algr data prepare clinic --source '{source}' --name NAME" in refused.err
