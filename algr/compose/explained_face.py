"""One face through a network, in the form that figures and JSON are made from.

Shape suffixes: B = images, A = regions, P = grades or action units, X = pixels along a side of the
crop, 2 = (x, y).
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algr.bundle import Bundle
from algr.inputs import TimedFace
from algr.models import ClassMaps, Explanation, explain_network, on_crop
from algr.reports import ClassMap, ExplainedFace, ExplainedRegion, ModelWords

if TYPE_CHECKING:
    from algr.bundle.deployed import DeployedNetwork


def model_words(bundle: Bundle, network: "DeployedNetwork", *, notice: str) -> ModelWords:
    """What figures say of a model."""
    return ModelWords(
        name=bundle.name,
        version=bundle.version,
        sha256=bundle.sha256,
        simulated=bundle.simulated,
        notice=notice,
        has_regions=bool(bundle.regions),
        is_adaptive=getattr(network.network, "region_heads", None) is not None,
    )


def explain_face(
    network: "DeployedNetwork",
    bundle: Bundle,
    timed: TimedFace,
    *,
    file: str,
    figure: str,
    grade: int | None,
    words: ModelWords,
) -> ExplainedFace:
    """What the network says of a face, and why.

    Args:
        network: Of the bundle.
        bundle: The model.
        timed: The face.
        file: Name of the file that it comes from.
        figure: Name of the file that its figure goes to.
        grade: That the maps are about; none for the predicted one.
        words: Of the model.
    """
    crops_BHWC = torch.from_numpy(np.ascontiguousarray(timed.face.crop_HWC)[None])
    found = explain_network(network.network, network.prepared(crops_BHWC), grade=grade)
    output = found.output
    is_grade = bundle.kind == "grade"
    probability_P = _array(
        (output.grade_probability_BK if is_grade else output.au_probability_BA)()
    )
    probability = dict(zip(bundle.labels, probability_P.tolist(), strict=True))
    if found.grade_B is not None:
        targets = [bundle.labels[int(found.grade_B[0])]] * found.class_maps.largest_BM.shape[1]
        verdict = bundle.labels[int(probability_P.argmax())]
    else:
        targets = list(bundle.labels)
        verdict = ", ".join(
            name
            for name, threshold in zip(bundle.labels, bundle.thresholds, strict=True)
            if probability[name] >= threshold
        )
    maps = _class_maps(found.class_maps, targets)
    regions = _regions(found, maps, names=bundle.regions, is_adaptive=words.is_adaptive)
    return ExplainedFace(
        file=file,
        figure=figure,
        timed=timed,
        kind=bundle.kind,
        probability=probability,
        parts=_parts(found, bundle.labels),
        verdict=verdict,
        landmarks_L2=None if output.landmarks_BL2 is None else _array(output.landmarks_BL2),
        regions=regions,
        class_maps=() if regions else maps,
    )


def _array(tensor: Tensor) -> NDArray[np.float64]:
    """Of the only image."""
    return np.asarray(tensor[0].numpy(), np.float64)


def _class_maps(class_maps: ClassMaps, targets: list[str]) -> tuple[ClassMap, ...]:
    values_MXX = _array(on_crop(class_maps.maps_BMHW, class_maps.grid))
    largest_M, peak_M2 = _array(class_maps.largest_BM), _array(class_maps.peaks_px())
    return tuple(
        ClassMap(
            target=target,
            values_XX=values_XX,
            largest=float(largest),
            peak_2=peak_2 if largest > 0 else None,
        )
        for target, values_XX, largest, peak_2 in zip(
            targets, values_MXX, largest_M, peak_M2, strict=True
        )
    )


def _regions(
    found: Explanation, maps: tuple[ClassMap, ...], *, names: tuple[str, ...], is_adaptive: bool
) -> tuple[ExplainedRegion, ...]:
    places, attention_BAHW = found.places, found.output.attention_BAHW
    if places is None or attention_BAHW is None or found.attention_grid is None:
        return ()
    rule_AC2, moved_AC2 = _array(places.rule_BAC2), _array(places.moved_BAC2)
    windows_AC4 = _array(places.windows_BAC4)
    scale_factor_A = _array(places.scale_factor_BA)
    attention_AXX = _array(on_crop(attention_BAHW, found.attention_grid))
    mean_A = _array(attention_BAHW.mean((2, 3)))
    offsets_BA2 = found.output.offsets_BA2
    offsets_A2 = None if offsets_BA2 is None else _array(offsets_BA2)
    return tuple(
        ExplainedRegion(
            name=name,
            rule_C2=rule_AC2[index],
            moved_C2=moved_AC2[index],
            windows_C4=windows_AC4[index],
            offset_2=None if offsets_A2 is None else offsets_A2[index],
            scale_factor=float(scale_factor_A[index]) if is_adaptive else None,
            attention_XX=attention_AXX[index],
            attention_mean=float(mean_A[index]),
            class_map=class_map,
        )
        for index, (name, class_map) in enumerate(zip(names, maps, strict=True))
    )


def _parts(found: Explanation, labels: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    output = found.output
    if output.local_log_B2A is None:
        return {}
    local_P, whole_P = _array(output.local_probability_BA), _array(output.whole_probability_BA)
    pairs = zip(local_P.tolist(), whole_P.tolist(), strict=True)
    return dict(zip(labels, pairs, strict=True))
