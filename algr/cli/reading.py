"""Options that say how a source is read: the same for its preparation, its doctor and its ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from algr.errors import UsageError

if TYPE_CHECKING:
    from algr.data import ReadOptions


class CameraName(StrEnum):
    """The two of DISFA."""

    LEFT = "left"
    RIGHT = "right"


LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels",
        help="Action units, such as AU1,AU2,AU4.",
        show_default="those of the paper; manifest: all",
    ),
]
ThresholdOption = Annotated[
    int | None,
    typer.Option(
        "--threshold",
        min=1,
        max=5,
        help="Least intensity that counts as present (disfa, manifest).",
        show_default="2; manifest: labels are 0 and 1",
    ),
]
LandmarkBaseOption = Annotated[
    int | None,
    typer.Option(
        "--landmark-base",
        min=0,
        max=1,
        help="Pixel that landmark files count from.",
        show_default="what the layout says",
    ),
]
FrameOffsetOption = Annotated[
    int | None,
    typer.Option(
        "--frame-offset",
        help="Added to a label's frame number to get the picture's.",
        show_default="what the layout says",
    ),
]
SwapAxesOption = Annotated[
    bool, typer.Option("--swap-axes", help="All landmark files hold y, x instead of x, y.")
]
CameraOption = Annotated[
    CameraName | None,
    typer.Option("--camera", help="Camera of disfa.", show_default="left"),
]
TrackerErrorsOption = Annotated[
    bool,
    typer.Option("--keep-tracker-errors", help="Keep frames of disfa's tracker error log."),
]

_OF_FRAMES = frozenset({"--labels", "--landmark-base", "--frame-offset", "--swap-axes"})
OPTIONS_OF: Mapping[str, frozenset[str]] = {
    "clinic": frozenset(),
    "bp4d": _OF_FRAMES,
    "disfa": _OF_FRAMES | {"--threshold", "--camera", "--keep-tracker-errors"},
    "gft": _OF_FRAMES,
    "manifest": _OF_FRAMES | {"--threshold"},
}
"""Layout to the options that mean something for it."""


@dataclass(frozen=True, kw_only=True)
class ReadChoices:
    """The options as they were typed."""

    labels: str | None = None
    threshold: int | None = None
    landmark_base: int | None = None
    frame_offset: int | None = None
    swap_axes: bool = False
    camera: CameraName | None = None
    keep_tracker_errors: bool = False

    def given(self) -> set[str]:
        """Names of the options that were typed."""
        values = {
            "--labels": self.labels,
            "--threshold": self.threshold,
            "--landmark-base": self.landmark_base,
            "--frame-offset": self.frame_offset,
            "--swap-axes": self.swap_axes or None,
            "--camera": self.camera,
            "--keep-tracker-errors": self.keep_tracker_errors or None,
        }
        return {option for option, value in values.items() if value is not None}

    def options(self) -> "ReadOptions":
        """What the readers take."""
        from algr.data import ReadOptions

        return ReadOptions(
            label_names=_label_names(self.labels),
            threshold=2 if self.threshold is None else self.threshold,
            intensities=self.threshold is not None,
            frame_offset=self.frame_offset,
            landmark_base=cast(Literal[0, 1] | None, self.landmark_base),
            swap_axes=self.swap_axes,
            camera="right" if self.camera is CameraName.RIGHT else "left",
            keep_tracker_errors=self.keep_tracker_errors,
        )


def check_given(given: set[str], *, layout: str, more: Mapping[str, str] | None = None) -> None:
    """An option that would do nothing is a mistake.

    Args:
        given: Names of the options that were typed.
        layout: Of the source.
        more: Option to the one layout that it is for, beside those of `OPTIONS_OF`.

    Raises:
        UsageError: One means nothing for the layout.
    """
    own = more or {}
    known = {
        name: options | {option for option, only in own.items() if only == name}
        for name, options in OPTIONS_OF.items()
    }
    strange = sorted(given - known[layout])
    if strange:
        kinds = [name for name, options in known.items() if strange[0] in options]
        raise UsageError(
            f"{strange[0]} means nothing for {layout}",
            expected=f"it with {', '.join(kinds)} only",
            advice="leave it out",
        )


def _label_names(text: str | None) -> tuple[str, ...] | None:
    """The action units of a list such as AU1,AU02,4."""
    if text is None:
        return None
    from algr.data.adapters.tables import au_name

    cells = [cell.strip() for cell in text.split(",") if cell.strip()]
    names = tuple(dict.fromkeys(au_name(cell) for cell in cells))
    wrong = [repr(cell) for cell in cells if not au_name(cell)]
    if not names or wrong:
        verb = "names no action unit" if len(wrong) == 1 else "name no action units"
        found = f": {', '.join(wrong)} {verb}" if wrong else ""
        raise UsageError(
            f"--labels {text}{found}",
            expected="action units with commas between, such as AU1,AU2,AU4",
            advice="`algr data doctor SOURCE` shows those that are there",
        )
    return names
