"""Official JAA-Net weights to a file of ours."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algr.models.official import (
    OFFICIAL_MODEL,
    OfficialRegions,
    PartSummary,
    read_official_weights,
)
from algr.models.weights import SavedWeights, refuse_existing_file, write_weights


@dataclass(frozen=True, kw_only=True)
class JaanetImport:
    """What an import took and wrote.

    Attributes:
        path: The file written.
        label_names: Action units, in the order of the regions.
        num_parameters: Values in the file, running statistics among them.
        parts: One per official file.
    """

    path: Path
    label_names: tuple[str, ...]
    num_parameters: int
    parts: tuple[PartSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `algr models import-jaanet --json` prints."""
        return {
            "path": str(self.path),
            "labels": list(self.label_names),
            "num_parameters": self.num_parameters,
            "files": [
                {
                    "file": part.file,
                    "sha256": part.sha256,
                    "official_tensors": part.num_official,
                    "tensors": part.num_ours,
                }
                for part in self.parts
            ],
        }


def import_jaanet(
    directory: Path, epoch: int, *, regions: OfficialRegions, out: Path
) -> JaanetImport:
    """Write the official weights of an epoch as a safetensors file of our `jaanet`.

    Args:
        directory: Holds the six official files.
        epoch: Number in their names.
        regions: The dataset that they were trained on.
        out: File to write; must not exist.

    Raises:
        UsageError: `out` exists or has no folder, or `regions` is unknown.
        DataError: The official files are missing, unreadable, or of another network.
    """
    refuse_existing_file(out)
    weights = read_official_weights(directory, epoch, regions=regions)
    saved = SavedWeights(
        tensors=weights.state,
        kind="au",
        regions=weights.label_names,
        model=OFFICIAL_MODEL,
        origin=f"official JAA-Net v2, {regions}, epoch {epoch}",
        sources={part.file: part.sha256 for part in weights.parts},
    )
    write_weights(out, saved)
    return JaanetImport(
        path=out,
        label_names=weights.label_names,
        num_parameters=sum(tensor.numel() for tensor in weights.state.values()),
        parts=weights.parts,
    )
