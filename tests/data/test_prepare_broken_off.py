"""Preparations that are stopped, killed, or run twice at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from algr.data import open_dataset, prepare_clinic
from algr.data.staging import staging_folder
from algr.errors import DataError


class StopAfter:
    """A progress display whose user presses Ctrl-C when so many videos are done."""

    def __init__(self, videos):
        self.videos = videos

    def __call__(self, step):
        if step.stage == "decoding" and step.videos_done >= self.videos:
            raise KeyboardInterrupt


@pytest.fixture
def prepare(clinic, home):
    def run(**options):
        return prepare_clinic(source=clinic.folder, home=home, name="sim", **options)

    return run


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_stopped_preparation_leaves_no_dataset_and_goes_on_where_it_stood(
    prepare, clinic, home, jobs
):
    with pytest.raises(KeyboardInterrupt):
        prepare(jobs=jobs, progress=StopAfter(2))
    assert [path.name for path in home.datasets.iterdir()] == [".sim.staging"]

    resumed = prepare(jobs=jobs)

    fresh = prepare_clinic(source=clinic.folder, home=home, name="fresh")
    assert resumed.frames == 20
    assert resumed.frames_decoded <= 12
    assert resumed.fingerprint == fresh.fingerprint
    assert sorted(path.name for path in home.datasets.iterdir()) == ["fresh", "sim"]


def test_a_resumed_preparation_repeats_what_was_said_of_recordings_that_were_ready(
    prepare, clinic, home, kit
):
    tracks = [kit.face_points()] * 20
    kit.write_landmarks(clinic.folder / "anna_take_land.csv", tracks)
    with pytest.raises(KeyboardInterrupt):
        prepare(progress=StopAfter(2))
    (staging,) = home.datasets.iterdir()
    stored = "".join(path.read_text() for path in staging.glob("*.json"))

    resumed = prepare()

    fresh = prepare_clinic(source=clinic.folder, home=home, name="fresh")
    assert resumed.frames_decoded < fresh.frames_decoded
    assert resumed.warnings == fresh.warnings
    assert "anna_take.mp4: the landmark file goes on to frame 19" in resumed.warnings[0]
    assert "goes on to frame 19" in stored
    assert "anna" not in stored


def test_changed_files_are_decoded_again(prepare, clinic, home):
    with pytest.raises(KeyboardInterrupt):
        prepare(progress=StopAfter(4))
    clinic.add_video("anna_take.mp4", seed=50)

    resumed = prepare()

    fresh = prepare_clinic(source=clinic.folder, home=home, name="fresh")
    assert resumed.frames_decoded == 8
    assert resumed.fingerprint == fresh.fingerprint


@pytest.mark.parametrize("name", ["*.json", "*.arrow"])
def test_a_staged_file_that_was_cut_is_decoded_again(prepare, home, name):
    with pytest.raises(KeyboardInterrupt):
        prepare(progress=StopAfter(4))
    path = sorted((home.datasets / ".sim.staging").glob(name))[0]
    path.write_bytes(path.read_bytes()[:-20])

    assert prepare().frames_decoded == 8
    assert open_dataset(home, "sim").num_frames == 20


def test_no_id_name_or_path_is_written_anywhere(prepare, clinic, home):
    rows = [
        {"video": f"{n}_take.mp4", "patient_id": f"{n}-1970", "grade_hb": 2, "rater": "DrWho"}
        for n in ("anna", "bert", "cleo", "dora")
    ]
    rows[0]["visit"] = "2024-02-29"
    clinic.write_manifest(
        [*rows, {"video": "e.mp4", "patient_id": "e", "exclude_reason": "wife of Smith"}]
    )
    secrets = [b"anna", b"bert", b"cleo", b"dora", b"_take", b"1970", b"DrWho", b"2024", b"Smith"]
    secrets.append(str(clinic.folder).encode())

    with pytest.raises(KeyboardInterrupt):
        prepare(progress=StopAfter(3))
    staged = [path for path in home.root.rglob("*") if path.is_file()]
    prepare(replace=True)
    written = [path for path in home.root.rglob("*") if path.is_file()]

    assert len(staged) >= 6
    for path in written:
        content = path.name.encode() + path.read_bytes()
        assert not [secret for secret in secrets if secret in content]


def test_staged_files_hold_no_secret_either(prepare, clinic, home):
    with pytest.raises(KeyboardInterrupt):
        prepare(progress=StopAfter(3))

    for path in home.root.rglob("*"):
        content = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        assert not [s for s in (b"anna", b"bert", b"cleo", b"_take") if s in content]


def test_two_preparations_of_one_dataset_do_not_meet(prepare, home):
    with (
        staging_folder(home.dataset("sim")),
        pytest.raises(DataError, match="is being prepared by another process"),
    ):
        prepare()


SCRIPT = """
import sys
from pathlib import Path
from algr.config import DataHome
from algr.data import prepare_clinic

def show(step):
    print(step.stage, step.videos_done, flush=True)

if __name__ == "__main__":
    source, home = map(Path, sys.argv[1:])
    prepare_clinic(source=source, home=DataHome(home), name="sim", jobs=2, progress=show)
"""


def stat_of(pid):
    """State and parent of a process, as Linux tells them; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1])


def children_of(pid):
    everybody = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [other for other in everybody if (stat_of(other) or ("", 0))[1] == pid]


def is_running(pid):
    return (stat_of(pid) or "Z")[0] != "Z"


@pytest.mark.slow
def test_a_killed_preparation_leaves_neither_dataset_nor_workers_and_can_go_on(
    prepare, clinic, home, tmp_path
):
    clinic.add_video("dora_take.mp4", seed=3, frames=1500)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(script), str(clinic.folder), str(home.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("decoding") and line.split()[1] != "0":
                break
        workers = children_of(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.stdout.close()
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert workers
    assert not [pid for pid in workers if is_running(pid)]
    assert not home.dataset("sim").exists()
    assert prepare().frames_decoded < 16 + 750
    assert open_dataset(home, "sim").num_frames == 16 + 750


KILLED = '''
"""Prepare, die at a drawn change of a name or flush, prepare again, until it comes to its end."""
import itertools, json, os, random, shutil, signal, sys
from pathlib import Path
from algr.config import DataHome
from algr.data import open_dataset, prepare_clinic, verify_dataset

source, place = map(Path, sys.argv[1:])

def dying(function, changes, at):
    def wrapped(*args, **kwargs):
        if next(changes) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped

def prepare_and_die(home, at):
    """Whether it died; a child process, which leaves no trace but its files."""
    child = os.fork()
    if not child:
        changes = itertools.count(1)
        Path.replace = dying(Path.replace, changes, at)
        Path.rename = dying(Path.rename, changes, at)
        os.fsync = dying(os.fsync, changes, at)
        shutil.rmtree = dying(shutil.rmtree, changes, at)
        prepare_clinic(source=source, home=home, name="sim", jobs=1)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

results = []
for seed in range(4):
    draw = random.Random(seed)
    home = DataHome(place / str(seed))
    kills = 0
    while prepare_and_die(home, at=draw.randint(1, 12) if kills < 8 else 0):
        kills += 1
    dataset = open_dataset(home, "sim")
    verify_dataset(dataset.directory)
    frames = dataset.frames
    keys = set(zip(frames.video_index.tolist(), frames.frame.tolist()))
    results.append({
        "kills": kills,
        "fingerprint": dataset.fingerprint,
        "frames": dataset.num_frames,
        "different": len(keys),
        "beside": sorted(path.name for path in home.datasets.iterdir()),
    })
print(json.dumps(results))
'''


def test_a_preparation_that_is_killed_again_and_again_ends_as_if_it_had_not_been(
    prepare, clinic, tmp_path
):
    undisturbed = prepare()
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    command = [sys.executable, str(script), str(clinic.folder), str(tmp_path / "homes")]

    results = json.loads(subprocess.check_output(command, text=True))

    assert sum(result["kills"] for result in results) >= 14
    assert {result["fingerprint"] for result in results} == {undisturbed.fingerprint}
    assert {result["frames"] for result in results} == {undisturbed.frames}
    assert {result["different"] for result in results} == {undisturbed.frames}
    assert [result["beside"] for result in results] == [["sim"]] * 4
