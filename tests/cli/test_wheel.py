"""The built wheel is a working algr beside what it says that it needs, and nothing else."""

import os
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    """Run a command that finds no other packages than those of its environment."""
    done = subprocess.run(
        [str(word) for word in words],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done


def _call(*words: object) -> str:
    return _run(*words).stdout


def _requirements(of: metadata.Distribution, extras: frozenset[str]) -> list[Requirement]:
    """What a distribution needs on this machine."""
    every = [Requirement(text) for text in of.requires or ()]
    return [
        one
        for one in every
        if one.marker is None
        or any(one.marker.evaluate({"extra": extra}) for extra in extras | {""})
    ]


def _needed_by(wheel: metadata.Distribution) -> set[str]:
    """Names of all distributions that it needs, and that those need."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = _requirements(wheel, frozenset())
    while waiting:
        one = waiting.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key not in seen:
            seen.add(key)
            waiting += _requirements(metadata.distribution(one.name), key[1])
    return {name for name, _ in seen}


def _link(name: str, *, into: Path) -> None:
    """Put the files of an installed distribution into another environment."""
    found = metadata.distribution(name)
    for file in found.files or ():
        link = into / file
        if ".." not in file.parts and not link.exists():  # some share a file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(found.locate_file(file))


@pytest.mark.wheel
@pytest.mark.slow
def test_the_wheel_works_beside_what_it_needs_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns(".venv", ".git", "demo", "dist", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    _call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source)
    (wheel,) = tmp_path.glob("algr-*.whl")
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    _call(*pip, "install", "--quiet", "--no-deps", wheel)
    (packages,) = (tmp_path / "empty" / "lib").glob("python*/site-packages")
    (installed,) = metadata.distributions(name="algr", path=[str(packages)])
    for name in _needed_by(installed):
        _link(name, into=packages)

    algr = tmp_path / "empty" / "bin" / "algr"
    assert "No broken requirements" in _call(*pip, "check")
    assert _call(algr, "--version").startswith("algr ")
    assert "train.learning_rate" in _call(algr, "config", "show")
    spaces = (
        "from algr.config import Config, load_search_space as load\n"
        "print(len(load('fpara', dataset='x', kind='grade', config=Config()).parameters))"
    )
    assert _call(python, "-I", "-c", spaces) == "3\n"
    assert "no dataset" in _run(algr, "data", "list", "--data-home", tmp_path / "home").stderr
