"""The three parts into which the literature cuts BP4D and DISFA, and what full copies hold.

The parts are the same in the lists of JAA-Net, ME-GraphAU, LibreFace and FMAE-IAT. Their folds
differ in numbering: "fold 1" of ME-GraphAU tests part 3, "combine_1_2" of JAA-Net does too. Here
fold k tests part k + 1.
"""

from typing import Literal

NUM_PARTS = 3

_BP4D = (
    "F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014",
    "F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018",
    "F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015",
)
_DISFA = (
    "SN001 SN002 SN009 SN010 SN016 SN026 SN027 SN030 SN032",
    "SN006 SN011 SN012 SN013 SN018 SN021 SN024 SN028 SN031",
    "SN003 SN004 SN005 SN007 SN008 SN017 SN023 SN025 SN029",
)


def _numbered(parts: tuple[str, ...]) -> dict[str, int]:
    return {
        subject: number for number, part in enumerate(parts, start=1) for subject in part.split()
    }


PUBLISHED_PARTS = {"bp4d": _numbered(_BP4D), "disfa": _numbered(_DISFA)}
"""Data set, then subject, to part 1-3."""


def published_part(dataset: Literal["bp4d", "disfa"], subject: str) -> int:
    """The part 1-3 of a subject; 0 for one that the lists do not name."""
    return PUBLISHED_PARTS[dataset].get(subject, 0)
