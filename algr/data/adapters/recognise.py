"""Which layout a folder has."""

import re
from pathlib import Path

from algr.data.adapters.base import Adapter, Layout
from algr.data.adapters.bp4d import Bp4d
from algr.data.adapters.clinic import Clinic
from algr.data.adapters.disfa import Disfa
from algr.data.adapters.folders import Folder, list_folder, names_in_words, scan_folders
from algr.data.adapters.gft import Gft
from algr.data.adapters.manifest import Manifest
from algr.data.adapters.manifest_absent import why_unrecognised
from algr.errors import DataError

ADAPTERS: tuple[Adapter, ...] = (Bp4d(), Disfa(), Gft(), Clinic(), Manifest())
EXPECTED = {
    "bp4d": "tables such as AUCoding/AU_OCC/F001_T1.csv and pictures such as F001/T1/2440.jpg",
    "disfa": "files such as ActionUnit_Labels/SN001/SN001_au1.txt and videos or folders SN001",
    "gft": "tables such as AU_Occurrence/001A.csv and folders 001A with pictures",
    "clinic": "manifest.csv with the columns video, patient_id, grade_hb",
    "manifest": "manifest.csv with the columns file, subject and AU1, AU2, … or grade_hb",
}
_SUBJECT = re.compile(r"SN\d{3}", re.IGNORECASE)
_PLUS_FILE = re.compile(r"AU\d{1,2}\.txt", re.IGNORECASE)


def adapter_of(layout: Layout) -> Adapter:
    """The reader of a layout."""
    return next(adapter for adapter in ADAPTERS if adapter.layout == layout)


def recognise(source: Path) -> Adapter:
    """The one reader whose layout the folder has.

    Raises:
        DataError: None or several have it, it is a data set that is not read, or it is no folder.
    """
    check_folder(source)
    refuse_others(source)
    found = [adapter for adapter in ADAPTERS if adapter.recognises(source)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"--source {source}: looks like {' and like '.join(a.layout for a in found)}",
            problems=[f"{adapter.layout}: {EXPECTED[adapter.layout]}" for adapter in found],
            expected="one data set",
            advice="name the folder of one of them, or name the layout",
        )
    problem = why_unrecognised(source)
    if problem:
        raise DataError(
            f"--source {source}: {problem}",
            expected=f"{EXPECTED['clinic']}, or {EXPECTED['manifest']}",
            advice="then type the same command again",
        )
    listed = list_folder(source)
    names = [*(f"{name}/" for name in listed.folders), *listed.files]
    raise DataError(
        f"--source {source}: no layout is recognised; it holds "
        + (names_in_words(names) if names else "nothing"),
        problems=[f"{layout}: {what}" for layout, what in EXPECTED.items()],
        expected="one of these",
        advice="name the folder that holds labels and pictures, or describe them in a manifest.csv",
    )


def check_folder(source: Path) -> None:
    """Refuse what is no folder.

    Raises:
        DataError: It is none.
    """
    if not source.is_dir():
        raise DataError(
            f"--source {source}: no such folder",
            expected="the folder of a data set",
            advice="name the folder",
        )


def refuse_others(source: Path) -> None:
    """Refuse data sets that look like one that is read but are not.

    Raises:
        DataError: It is DISFA+.
    """
    folders = scan_folders(source, leaves=_SUBJECT)
    if any(_is_disfa_plus(folder) for folder in folders):
        raise DataError(
            f"--source {source}: is DISFA+ (files such as Labels/SN001/TRIAL/AU1.txt)",
            expected="DISFA, whose labels stand in ActionUnit_Labels/SN001/SN001_au1.txt",
            advice="DISFA+ is not read; its nine subjects are those of DISFA, so that the two must "
            "not be mixed. Describe its pictures in a manifest.csv to use it alone",
        )


def _is_disfa_plus(folder: Folder) -> bool:
    for name in folder.matching_folders(_SUBJECT)[:2]:
        try:
            trials = list_folder(folder.path / name).folders[:2]
            if any(
                list_folder(folder.path / name / trial).matching_files(_PLUS_FILE)
                for trial in trials
            ):
                return True
        except OSError:
            continue
    return False
