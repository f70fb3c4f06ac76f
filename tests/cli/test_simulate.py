"""`algr data simulate`: what it says of what it has planted, and of what it cannot do."""

import json
from pathlib import Path
from typing import Any

import pytest

SMALL = ("--subjects", 2, "--frames", 8, "--tasks", 1, "--scale", 0.1, "--jobs", 1)


def test_planted_traps_are_listed_and_the_next_command_is_named(run: Any, tmp_path: Path) -> None:
    typed = run(
        "data", "simulate", "bp4d", tmp_path / "raw", "--traps", "truncated, offset", *SMALL
    )

    assert typed.code == 0
    assert "simulated 2 subjects, 2 sequences, 18 frames" in typed.out
    assert "planted offset: F003, shift -1, frames 8" in typed.out
    assert "planted truncated: AUCoding/AU_OCC/F00" in typed.out
    assert f"algr data doctor {tmp_path / 'raw'}" in typed.err


@pytest.mark.parametrize(
    ("words", "subjects"), [(("disfa", "--frames", 40), 6), (("bp4d", "--frames", 16), 6)]
)
@pytest.mark.parametrize("traps", ["nines", "all"])
def test_the_doctor_counts_as_many_nines_as_were_planted(
    run: Any, tmp_path: Path, words: tuple[object, ...], subjects: int, traps: str
) -> None:
    small = ("--subjects", subjects, "--scale", 0.1, "--jobs", 1, "--traps", traps)
    shown = run("data", "simulate", *words, *small, tmp_path / "raw")
    planted = json.loads((tmp_path / "raw" / "simulated.json").read_text())["planted"]

    examined = run("data", "doctor", tmp_path / "raw", "--json", "--jobs", 1, "--sample", 0)

    summary = json.loads(examined.out)["summary"]
    assert summary["missing_codes"].get("9") == planted["nines"]["cells"] > 0
    assert f"reader of {words[0]}: cells {planted['nines']['cells']}" in shown.out
    assert summary["simulated"] is True


def test_json_says_what_the_marker_says(run: Any, tmp_path: Path) -> None:
    typed = run(
        "data", "simulate", "bp4d", tmp_path / "raw", "--traps", "padding", "--json", *SMALL
    )
    marker = json.loads((tmp_path / "raw" / "simulated.json").read_text())

    assert json.loads(typed.out)["planted"] == marker["planted"] != {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("bp4d", "--traps", "rotated_vido"), "rotated_vido: unknown trap; did you mean rotated_"),
        (("disfa", "--traps", "rotated_video"), "an AVI file has no display matrix"),
        (("fpara", "--traps", "padding"), "fpara has no such trap, it is one of bp4d"),
        (("fpara", "--scale", 0.5), "--scale: fpara has no such option"),
        (("disfa", "--tasks", 2), "--tasks: disfa has no such option"),
        (("disfa", "--subjects", 28), "subjects: 28 is outside 1 to 27"),
    ],
)
def test_what_makes_no_simulation_is_a_usage_error_and_writes_nothing(
    run: Any, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    typed = run("data", "simulate", words[0], tmp_path / "raw", *words[1:])

    assert typed.code == 2
    assert message in typed.err
    assert not (tmp_path / "raw").exists()


def test_a_contact_sheet_is_drawn_of_it(run: Any, tmp_path: Path) -> None:
    run("data", "simulate", "bp4d", tmp_path / "raw", *SMALL)
    typed = run("data", "contact-sheet", tmp_path / "raw", tmp_path / "sheet.png", "--landmarks")

    assert typed.code == 0
    assert (tmp_path / "sheet.png").is_file()
