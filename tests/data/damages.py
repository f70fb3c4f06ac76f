"""Ways to damage a small copy of a data set."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from algr.data import ReadOptions
from tests.data import raw_layouts as raw

Damage = Callable[[Path], object]
DEFAULT = ReadOptions()


@dataclass(frozen=True)
class Case:
    layout: str
    name: str
    damage: Damage
    code: str
    text: str
    severity: str = "warning"
    options: ReadOptions = DEFAULT


def line(path: str, number: int, text: str) -> Damage:
    return lambda root: raw.change_line(root / path, number, text)


def add(path: str, text: str) -> Damage:
    return lambda root: (root / path).write_text((root / path).read_text() + text)


def put(path: str, data: bytes | str) -> Damage:
    content = data.encode() if isinstance(data, str) else data

    def damage(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return damage


def gone(path: str) -> Damage:
    def damage(root: Path) -> None:
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return damage


def cut(path: str, size: int) -> Damage:
    return lambda root: (root / path).write_bytes((root / path).read_bytes()[:size])


def again(path: str, other: str) -> Damage:
    def damage(root: Path) -> None:
        (root / other).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (root / path).is_dir() else shutil.copy
        copy(root / path, root / other)

    return damage


def loop(path: str) -> Damage:
    def damage(root: Path) -> None:
        (root / path).unlink()
        (root / path).symlink_to(root / path)

    return damage


def link(path: str, to: str) -> Damage:
    """A link in the place of the file; what it leads to is not there."""

    def damage(root: Path) -> None:
        (root / path).unlink()
        (root / path).symlink_to(to)

    return damage


def folder_for_file(path: str) -> Damage:
    def damage(root: Path) -> None:
        (root / path).unlink()
        (root / path).mkdir()

    return damage


def pts(path: str, values: object, *, name: str = "pts") -> Damage:
    return lambda root: scipy.io.savemat(root / path, {name: values})


def hdf(path: str, write: Callable[[h5py.File], object]) -> Damage:
    def damage(root: Path) -> None:
        with h5py.File(root / path, "w") as file:
            write(file)

    return damage


def cells(path: str, shape: tuple[int, ...]) -> Damage:
    def write(file: h5py.File) -> None:
        pred = file.create_dataset("fit/pred", (10, 1), dtype=h5py.ref_dtype)
        pred[6, 0] = file.create_dataset("cell", data=np.ones(shape)).ref

    return hdf(path, write)


def utf16(path: str) -> Damage:
    return lambda root: (root / path).write_bytes((root / path).read_text().encode("utf-16"))


def columns(path: str, change: Callable[[list[str]], list[str]]) -> Damage:
    """Change the cells of every line."""

    def damage(root: Path) -> None:
        lines = (root / path).read_text().splitlines()
        text = "\n".join(",".join(change(cells.split(","))) for cells in lines)
        (root / path).write_text(text + "\n")

    return damage


def without_lines(path: str, *numbers: int) -> Damage:
    def damage(root: Path) -> None:
        lines = (root / path).read_text().splitlines(keepends=True)
        kept = [text for number, text in enumerate(lines, start=1) if number not in numbers]
        (root / path).write_text("".join(kept))

    return damage


def elsewhere(path: str) -> Damage:
    """The file lies beside the source, and a link to it in its place."""

    def damage(root: Path) -> None:
        target = root.parent / f"elsewhere-{Path(path).name}"
        (root / path).rename(target)
        (root / path).symlink_to(target)

    return damage


def both(*damages: Damage) -> Damage:
    return lambda root: [damage(root) for damage in damages]


def cases(layout: str, rows: list[tuple], severity: str) -> list[Case]:
    return [
        Case(layout, name, damage, code, text, severity, *options)
        for name, damage, code, text, *options in rows
    ]
