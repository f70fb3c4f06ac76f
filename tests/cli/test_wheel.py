"""The built wheel, installed into an empty environment, is a working algr."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _call(*words: object) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.wheel
@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".venv", ".git", "demo", "dist", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    _call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source)
    (wheel,) = tmp_path.glob("algr-*.whl")
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    constraints = ROOT / "constraints.txt"
    _call(*pip, "install", "--quiet", "--no-compile", "--constraint", constraints, wheel)
    algr = tmp_path / "empty" / "bin" / "algr"
    assert _call(algr, "--version").startswith("algr ")
    assert "train.learning_rate" in _call(algr, "config", "show")
    spaces = (
        "from algr.config import Config, load_search_space as load\n"
        "print(len(load('fpara', dataset='x', kind='grade', config=Config()).parameters))"
    )
    assert _call(python, "-I", "-c", spaces) == "3\n"
    assert (
        "no dataset"
        in subprocess.run(
            [algr, "data", "list", "--data-home", tmp_path / "home"],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
    )
