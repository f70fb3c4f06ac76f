"""Where the parts of BP4D lie on a user's disk."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from algr.data.adapters.collect import Collector
from algr.data.adapters.folders import Folder, list_folder, names_in_words, scan_folders
from algr.data.adapters.pictures import is_picture
from algr.data.published import PUBLISHED_PARTS

SUBJECT = re.compile(r"[FM]\d{3}", re.IGNORECASE)
LABEL_FILE = re.compile(r"([FM]\d{3})_(T\d{1,2})\.csv", re.IGNORECASE)
_TASK = re.compile(r"T\d{1,2}", re.IGNORECASE)
_LANDMARK_FILE = re.compile(r"[FM]\d{3}_T\d{1,2}\.mat", re.IGNORECASE)
_PLUS_FOLDERS = {"irfeatures", "physiology", "2d+3d"}
"""Of BP4D+ alone."""


@dataclass(frozen=True, kw_only=True)
class Bp4dFiles:
    """Where the parts of the data set lie."""

    label_root: Folder
    picture_root: Path | None
    landmark_root: Folder | None
    is_plus: bool
    is_fera: bool


def label_roots(folders: Sequence[Folder]) -> list[Folder]:
    """The folders that hold tables; those named AU_OCC where there are such."""
    roots = [folder for folder in folders if folder.matching_files(LABEL_FILE)]
    named = [folder for folder in roots if folder.path.name.upper() == "AU_OCC"]
    return named or roots


def find_files(source: Path, *, findings: Collector) -> Bp4dFiles:
    """Look for tables, pictures and landmarks below the source."""
    folders = scan_folders(source, leaves=SUBJECT, findings=findings)
    labels = label_roots(folders)
    pictures = [folder.path for folder in folders if _holds_pictures(folder)]
    landmarks = [folder for folder in folders if folder.matching_files(_LANDMARK_FILE)]
    for code, what, paths in (
        ("several_label_folders", "label tables", [folder.path for folder in labels]),
        ("several_picture_folders", "pictures", pictures),
        ("several_landmark_folders", "landmarks", [folder.path for folder in landmarks]),
    ):
        if len(paths) > 1:
            places = names_in_words([findings.place(path) or "the source" for path in paths])
            findings.refuse(
                code, f"{what} stand in {places}; expected one folder: name a narrower --source"
            )
    if not labels:
        findings.refuse("no_labels", "no table such as AUCoding/AU_OCC/F001_T1.csv is there")
    if not pictures:
        findings.refuse(
            "no_pictures",
            "no folder such as Sequences(2D+3D)/F001/T1 with pictures is there",
        )
    if not landmarks:
        findings.warn(
            "no_landmarks",
            "no 2DFeatures/F001_T1.mat is there; landmarks have to be detected",
        )
    root = labels[0] if labels else Folder(path=source, folders=(), files=())
    subjects = {name[:4].upper() for name in root.matching_files(LABEL_FILE)}
    names = {name.lower() for folder in folders for name in folder.folders}
    return Bp4dFiles(
        label_root=root,
        picture_root=pictures[0] if pictures else None,
        landmark_root=landmarks[0] if landmarks else None,
        is_plus=bool(names & _PLUS_FOLDERS or subjects - set(PUBLISHED_PARTS["bp4d"])),
        is_fera=bool(labels) and root.path.name.upper() != "AU_OCC",
    )


def _holds_pictures(folder: Folder) -> bool:
    """Whether some subject below has a task with a picture; a few names are looked at."""
    for subject in folder.matching_folders(SUBJECT)[:3]:
        try:
            tasks = list_folder(folder.path / subject).matching_folders(_TASK)
            for task in tasks[:2]:
                if any(
                    is_picture(name) for name in list_folder(folder.path / subject / task).files
                ):
                    return True
        except OSError:
            continue
    return False
