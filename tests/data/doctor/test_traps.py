"""The simulator's own traps, of which `simulated.json` tells what was planted where."""

import pytest

from algr.data.doctor import examine_source
from algr.simulate.bp4d import simulate_bp4d

SIZE = {"subjects": 6, "tasks": 2, "frames": 16, "scale": 0.25, "seed": 2}


@pytest.mark.slow
def test_the_traps_of_a_simulated_bp4d_are_found(tmp_path):
    planted = simulate_bp4d(tmp_path / "BP4D", traps=("all",), **SIZE).planted

    found = examine_source(tmp_path / "BP4D")

    by_code = {}
    for finding in found.findings:
        by_code.setdefault(finding.code, []).append(finding)
    twins = planted["two_subjects"]["subjects"]
    swapped = {finding.file for finding in by_code["axes_swapped"]}
    assert f"subjects {twins[0]} and {twins[1]}" in by_code["subject_twice"][0].message
    assert {f"2DFeatures/{name}.mat" for name in swapped} == set(planted["swapped_axes"]["files"])
    assert (
        sum(f.count for f in by_code["picture_repeated"]) == planted["duplicate_frames"]["frames"]
    )
    assert {f.file for f in by_code["landmark_file"]} == set(planted["bad_mat"]["files"])
    assert found.reading.missing_codes == {"9": planted["nines"]["cells"]}
    assert found.verdict == "refused"


@pytest.mark.slow
def test_a_simulated_bp4d_without_traps_raises_no_alarm_but_that_it_is_a_partial_copy(tmp_path):
    simulate_bp4d(tmp_path / "BP4D", **SIZE)

    found = examine_source(tmp_path / "BP4D")

    assert {f.code for f in found.findings if f.severity != "note"} == {"partial_copy"}
    assert "frame_offset_in_doubt" not in {finding.code for finding in found.findings}
