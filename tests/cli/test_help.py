"""The command line answers at once, and says what is there."""

import os
import resource
import subprocess
import sys

import pytest

import algr

HEAVY = ("torch", "ray", "mlflow", "optuna", "pyarrow", "numpy", "fastapi", "av", "matplotlib")


def _algr(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "algr", *words], capture_output=True, text=True, check=True
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, algr.cli.app as cli\n"
        "sys.argv = ['algr', '--help']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "cv" in done.stdout


def test_help_takes_less_than_half_a_second_of_the_processor() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _algr("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.5


def test_version() -> None:
    assert _algr("--version").stdout == f"algr {algr.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("cv",),
        ("compare",),
        ("tune",),
        ("studies",),
        ("status",),
        ("pause",),
        ("stop",),
        ("resume",),
        ("dashboard",),
        ("ablate",),
        ("compare-models",),
        ("results",),
        ("predict",),
        ("explain",),
        ("serve",),
        ("ui",),
        ("submit",),
        ("demo",),
        ("sync",),
        ("config", "show"),
        ("data", "simulate"),
        ("data", "prepare"),
        ("data", "list"),
        ("data", "info"),
        ("data", "verify"),
        ("data", "ids"),
        ("data", "contact-sheet"),
        ("data", "doctor"),
        ("data", "folds"),
        ("data", "purge"),
        ("data", "push"),
        ("data", "pull"),
        ("models", "list"),
        ("models", "pull"),
        ("models", "import-jaanet"),
    ],
)
def test_every_command_has_an_example(run, words: tuple[str, ...]) -> None:
    done = run(*words, "--help")
    assert done.code == 0
    assert f"Example: algr {' '.join(words)}" in " ".join(done.out.split())


def test_completion_knows_the_commands() -> None:
    environment = {"_ALGR_COMPLETE": "complete_bash", "COMP_WORDS": "algr da", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0]='algr'; from algr.cli import main; main()"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "data" in done.stdout.split()
