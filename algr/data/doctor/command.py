"""The command to type after the doctor, with the options that it found."""

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from algr.data.adapters import (
    ImageFiles,
    ReadOptions,
    Recording,
    SourceReading,
    names_pictures,
)
from algr.data.doctor.calibrate import Calibration
from algr.data.doctor.judge import fitting_base

_SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "oe", "å": "aa"}
)
_LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True)
class Settings:
    """With what a source was read."""

    frame_offset: int
    landmark_base: int

    @classmethod
    def of(cls, reading: SourceReading) -> "Settings":
        """As the reading states them, or as its numbers show where it states none."""
        base = reading.parameters.get("landmark_base")
        offset = reading.parameters.get("frame_offset")
        return cls(
            frame_offset=offset if isinstance(offset, int) else _offset_of(reading.recordings),
            landmark_base=base if isinstance(base, int) else 0,
        )


def _offset_of(recordings: Sequence[Recording]) -> int:
    """From the numbers of labels to those of pictures, as most recordings were read."""
    offsets: Counter[int] = Counter()
    for recording in recordings:
        pictures = recording.pictures
        if not len(recording.number_N):
            continue
        if isinstance(pictures, ImageFiles):
            digits = re.findall(r"\d+", pictures.paths[0].stem)
            if not digits:
                continue
            number = int(digits[-1])
        else:
            number = int(pictures.index_N[0])
        offsets[number - int(recording.number_N[0])] += 1
    return offsets.most_common(1)[0][0] if offsets else 0


def next_command(
    reading: SourceReading,
    source: Path,
    *,
    calibration: Calibration,
    settings: Settings,
    chosen: ReadOptions,
) -> str:
    """The preparation of the source, with options where they differ from the layout's own.

    Args:
        reading: The source.
        source: Its folder.
        calibration: What was found out.
        settings: With what it was read.
        chosen: What the user chose; it is named again.
    """
    words = ["algr", "data", "prepare", reading.layout, "--source", str(source)]
    words += ["--name", _name_of(source, reading.layout)]
    if reading.layout == "clinic":
        return shlex.join(words)  # its landmark files must be mended instead
    offset = calibration.offset.offset or 0
    if not names_pictures(reading) and (offset or chosen.frame_offset is not None):
        words += ["--frame-offset", str(settings.frame_offset - offset)]
    base = fitting_base(calibration, used=settings.landmark_base)
    base = settings.landmark_base if base is None else base
    if base != settings.landmark_base or chosen.landmark_base is not None:
        words += ["--landmark-base", str(base)]
    return shlex.join(words + _chosen_words(reading, chosen))


def _chosen_words(reading: SourceReading, chosen: ReadOptions) -> list[str]:
    """The other options that the source was read with."""
    words = []
    if chosen.swap_axes:
        words.append("--swap-axes")
    if chosen.label_names is not None:
        words += ["--labels", ",".join(chosen.label_names)]
    takes_intensities = reading.layout in ("disfa", "manifest")
    if takes_intensities and (chosen.intensities or chosen.threshold != ReadOptions.threshold):
        words += ["--threshold", str(chosen.threshold)]
    if chosen.camera != ReadOptions.camera:
        words += ["--camera", chosen.camera]
    if chosen.keep_tracker_errors:
        words.append("--keep-tracker-errors")
    return words


def _name_of(source: Path, layout: str) -> str:
    """Of the folder, in letters that a dataset's name may have; else of the layout."""
    spelt = unicodedata.normalize("NFC", source.resolve().name).lower().translate(_SPELLINGS)
    plain = [letter for letter in unicodedata.normalize("NFKD", spelt) if not _is_accent(letter)]
    name = "".join(letter if _is_plain(letter) else "-" for letter in plain)
    name = re.sub("-{2,}", "-", name).strip("._-")[:_LONGEST_NAME]
    if any(letter.isalpha() and not letter.isascii() for letter in plain):
        return f"{layout}-{name}" if name else layout  # in letters of another script
    return name or layout


def _is_plain(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter in "._-")


def _is_accent(letter: str) -> bool:
    return bool(unicodedata.combining(letter))
