"""The rows of the paper's ablation study (Tables 4 and 5) as values of the configuration.

Every row but the last is without adaptive regions: the text says so of "w/o S-B", and takes the
differences that it reports from "w/o Ada".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Ablation:
    """A row.

    Attributes:
        name: To be typed.
        title: As the paper prints it.
        values: What is set in the configuration that is studied. What needs a part that the row
            takes away is set back to its default.
    """

    name: str
    title: str
    values: Mapping[str, object]


def _row(name: str, title: str, **values: object) -> Ablation:
    whole = {f"model.{key}": value for key, value in {"kind": "algrnet", **values}.items()}
    return Ablation(name, title, MappingProxyType(whole))


ABLATIONS = (
    _row("without-all", "w/o full", adaptive=False, bilstm="none", fusion=False),
    _row("without-fusion", "w/o F&R", adaptive=False, bilstm="skip", fusion=False),
    _row("without-relation", "w/o S-B", adaptive=False, bilstm="none", fusion=True),
    _row(
        "plain-bilstm",
        "w/Bi",
        adaptive=False,
        bilstm="plain",
        fusion=True,
        cell_state="neighbour",
    ),
    _row("without-adaptive", "w/o Ada", adaptive=False, bilstm="skip", fusion=True),
    _row("full", "ALGRNet", adaptive=True, bilstm="skip", fusion=True),
)
"""In the order of the paper. "w/o full" is JAA-Net with the mean of both heads' probabilities; "w/o
F&R" keeps the refining convolutions, as JAA-Net has them."""
