"""The results of the paper as data, each figure as it is printed, and what its slips come to.

Ge et al., "Automatic Facial Paralysis Estimation with Facial Action Units", arXiv 2203.01800v2.
All figures are in percent. Averages are recomputed from the printed cells, never typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

PAPER = "Ge et al., arXiv 2203.01800v2"
PublishedDataset = Literal["bp4d", "disfa", "fpara"]

_PRINTED_TO = Decimal("0.1")
_ROUNDING = Decimal("0.05")
"""A printed average may be this far from the mean of its printed cells, halves either way."""


@dataclass(frozen=True)
class PublishedRow:
    """A line of a table.

    Attributes:
        title: As printed; a star marks pretraining on further data, as there.
        cells: As printed.
        average: As printed; None where the table has none.
        row: The row of `algr ablate` or `algr compare-models` that repeats it, if one does.
    """

    title: str
    cells: tuple[str, ...]
    average: str | None = None
    row: str | None = None

    @property
    def recomputed(self) -> Decimal:
        """Mean of the printed cells, exact."""
        return sum(map(Decimal, self.cells), Decimal(0)) / len(self.cells)

    @property
    def corrected(self) -> str | None:
        """The average that the cells give, where the printed one is not a rounding of it."""
        if self.average is None or abs(self.recomputed - Decimal(self.average)) <= _ROUNDING:
            return None
        return str(self.recomputed.quantize(_PRINTED_TO, rounding=ROUND_HALF_EVEN))

    @property
    def average_used(self) -> Decimal | None:
        """The average to calculate with: corrected where the print slipped, else as printed."""
        average = self.corrected or self.average
        return None if average is None else Decimal(average)

    @property
    def average_shown(self) -> str:
        """The average as printed, with a mark where the print slipped."""
        if self.average is None:
            return "-"
        return self.average if self.corrected is None else f"{self.average}!"


@dataclass(frozen=True)
class PublishedTable:
    """A table of F1 scores, or of landmark errors.

    Attributes:
        number: In the paper.
        title: What it shows.
        measure: What its cells are.
        dataset: Whose figures; None for a table with a column for each dataset.
        columns: Action units, grades, or datasets.
        rows: In the order of the paper.
    """

    number: int
    title: str
    measure: Literal["f1", "landmark_error"]
    dataset: PublishedDataset | None
    columns: tuple[str, ...]
    rows: tuple[PublishedRow, ...]

    @property
    def source(self) -> str:
        """Where the figures are printed."""
        return f"{PAPER}, Table {self.number}"

    def of(self, row: str) -> PublishedRow | None:
        """The published counterpart of a row of algr's."""
        return next((published for published in self.rows if published.row == row), None)


def _row(title: str, figures: str, row: str | None = None) -> PublishedRow:
    *cells, average = figures.split()
    return PublishedRow(title, tuple(cells), average, row)


BP4D_UNITS = tuple(f"AU{unit}" for unit in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24))
DISFA_UNITS = tuple(f"AU{unit}" for unit in (1, 2, 4, 6, 9, 12, 25, 26))
GRADE_NAMES = ("normal", "low", "medium", "high")
DATASET_TITLES: dict[PublishedDataset, str] = {"bp4d": "BP4D", "disfa": "DISFA", "fpara": "FPara"}

PUBLISHED = (
    PublishedTable(
        number=2,
        title="F1 of 12 action units on BP4D",
        measure="f1",
        dataset="bp4d",
        columns=BP4D_UNITS,
        rows=(
            _row("DSIN", "51.7 40.4 56.0 76.1 73.5 79.9 85.4 62.7 37.3 62.8 38.8 41.6 58.9"),
            _row("MLCR", "42.4 36.9 48.1 77.5 77.6 83.6 85.8 61.0 43.7 63.2 42.1 55.6 59.8"),
            _row("CMS", "49.1 44.1 50.3 79.2 74.7 80.9 88.2 63.9 44.4 60.3 41.4 51.2 60.6"),
            _row("LP-Net", "46.9 45.3 55.6 77.1 76.7 83.8 87.2 63.3 45.3 60.5 48.1 54.2 61.0"),
            _row("JAA-Net", "47.2 44.0 54.9 77.5 74.6 84.0 86.9 61.9 43.6 60.3 42.7 41.9 60.0"),
            _row("ARL", "45.8 39.8 55.1 75.7 77.2 82.3 86.6 58.8 47.6 62.1 47.4 55.4 61.1"),
            _row(
                "JÂA-Net",
                "53.8 47.8 58.2 78.5 75.8 82.7 88.2 63.7 43.3 61.8 45.6 49.9 62.4",
                row="jaanet",
            ),
            _row("UGN-B*", "54.2 46.4 56.8 76.2 76.7 82.4 86.1 64.7 51.2 63.1 48.5 53.6 63.3"),
            _row("HMP-PS*", "53.1 46.1 56.0 76.5 76.9 82.1 86.4 64.8 51.5 63.0 49.9 54.5 63.4"),
            _row("DML*", "52.6 44.9 56.2 79.8 80.4 85.2 88.3 65.6 51.7 59.4 47.3 49.2 63.4"),
            _row(
                "ALGRNet",
                "51.2 48.2 57.3 77.9 76.4 84.9 88.2 64.8 50.8 62.8 47.6 51.9 63.5",
                row="algrnet",
            ),
        ),
    ),
    PublishedTable(
        number=3,
        title="F1 of 8 action units on DISFA",
        measure="f1",
        dataset="disfa",
        columns=DISFA_UNITS,
        rows=(
            _row("DSIN", "42.4 39.0 68.4 28.6 46.8 70.8 90.4 42.2 53.6"),
            _row("CMS", "40.2 44.3 53.2 57.1 50.3 73.5 81.1 59.7 57.4"),
            _row("LP-Net", "29.9 24.7 72.7 46.8 49.6 72.9 93.8 65.0 56.9"),
            _row("JAA-Net", "43.7 46.2 56.0 41.4 44.7 69.6 88.3 58.4 56.0"),
            _row("ARL", "43.9 42.1 63.6 41.8 40.0 76.2 95.2 66.8 58.7"),
            _row("JÂA-Net", "62.4 60.7 67.1 41.1 45.1 73.5 90.9 67.4 63.5", row="jaanet"),
            _row("UGN-B*", "43.3 48.1 63.4 49.5 48.2 72.9 90.8 59.0 60.0"),
            _row("HMP-PS*", "21.8 48.5 53.6 56.0 58.7 57.4 55.9 56.9 61.0"),
            _row("DML*", "62.9 65.8 71.3 51.4 45.9 76.0 92.1 50.2 64.4"),
            _row("ALGRNet", "63.8 65.4 73.6 44.5 54.1 74.0 94.7 69.9 67.5", row="algrnet"),
        ),
    ),
    PublishedTable(
        number=4,
        title="Ablation study, F1 of 8 action units on DISFA",
        measure="f1",
        dataset="disfa",
        columns=DISFA_UNITS,
        rows=(
            _row("w/o full", "47.1 61.1 66.3 44.7 52.2 74.9 92.2 66.2 63.1", row="without-all"),
            _row("w/o F&R", "62.6 64.2 72.4 42.3 49.9 76.1 93.5 72.6 66.7", row="without-fusion"),
            _row("w/o S-B", "58.7 65.2 73.5 43.9 53.5 72.2 94.1 64.7 65.7", row="without-relation"),
            _row("w/Bi", "61.1 58.4 70.9 45.5 47.9 74.9 92.5 70.8 65.2", row="plain-bilstm"),
            _row("w/o Ada", "62.6 64.4 72.5 46.6 48.8 75.7 94.4 73.0 67.3", row="without-adaptive"),
            _row("ALGRNet", "63.8 65.4 73.6 44.5 54.1 74.0 94.7 69.9 67.5", row="full"),
        ),
    ),
    PublishedTable(
        number=5,
        title="Ablation study, F1 of 12 action units on BP4D",
        measure="f1",
        dataset="bp4d",
        columns=BP4D_UNITS,
        rows=(
            _row(
                "w/o full",
                "50.1 47.1 54.3 77.3 75.1 82.5 88.1 61.7 44.9 62.7 45.2 49.9 61.6",
                row="without-all",
            ),
            _row(
                "w/o F&R",
                "50.4 46.9 53.4 79.0 77.4 84.7 87.4 63.0 45.3 63.3 47.0 55.7 62.8",
                row="without-fusion",
            ),
            _row(
                "w/o S-B",
                "51.3 47.6 56.3 78.2 76.2 83.7 88.1 64.4 49.1 61.9 46.1 49.8 62.7",
                row="without-relation",
            ),
            _row(
                "w/Bi",
                "50.7 50.0 55.2 77.0 75.7 84.1 88.2 63.4 49.1 62.3 47.3 52.0 62.9",
                row="plain-bilstm",
            ),
            _row(
                "w/o Ada",
                "50.8 47.1 57.8 77.6 77.4 84.7 88.2 66.4 49.8 61.5 46.8 52.3 63.4",
                row="without-adaptive",
            ),
            _row(
                "ALGRNet",
                "51.2 48.2 57.3 77.9 76.4 84.9 88.2 64.8 50.8 62.8 47.6 51.9 63.5",
                row="full",
            ),
        ),
    ),
    PublishedTable(
        number=6,
        title="Landmark error, % of the inter-ocular distance",
        measure="landmark_error",
        dataset=None,
        columns=tuple(DATASET_TITLES.values()),
        rows=(
            PublishedRow("JÂA-Net", ("3.80", "3.87", "5.15"), row="jaanet"),
            PublishedRow("ALGRNet", ("3.78", "3.29", "5.18"), row="algrnet"),
        ),
    ),
    PublishedTable(
        number=7,
        title="F1 of the four grades on FPara",
        measure="f1",
        dataset="fpara",
        columns=GRADE_NAMES,
        rows=(
            _row("ResNet18", "99.8 50.7 47.7 67.9 66.5", row="resnet18"),
            _row("ResNet50", "99.9 53.9 54.7 71.4 70.0", row="resnet50"),
            _row("Transformer", "100 63.0 58.6 68.7 72.6", row="transformer"),
            _row("JÂA-Net", "100 58.8 64.3 72.9 72.8", row="jaanet"),
            _row("ALGRNet", "100 55.9 72.1 73.2 75.4", row="algrnet"),
        ),
    ),
)


def published_table(number: int) -> PublishedTable:
    """One table by its number in the paper, 2 to 7."""
    return next(table for table in PUBLISHED if table.number == number)


def published_dataset(
    *, kind: Literal["au", "grade"], label_names: Sequence[str]
) -> PublishedDataset | None:
    """The published dataset that has these labels; that it is this dataset, labels cannot say."""
    if kind == "grade":
        return "fpara" if tuple(label_names) == GRADE_NAMES else None
    by_units: dict[tuple[str, ...], PublishedDataset] = {BP4D_UNITS: "bp4d", DISFA_UNITS: "disfa"}
    return by_units.get(tuple(label_names))


def tables_of(dataset: PublishedDataset) -> tuple[PublishedTable, ...]:
    """The tables with figures of a published dataset."""
    return tuple(table for table in PUBLISHED if table.dataset in (dataset, None))
