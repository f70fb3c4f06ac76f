import pytest

from algr.errors import ConfigError
from algr.faces import MIRRORED
from algr.models import RegionCentre, regions_for

BP4D = tuple(f"AU{n}" for n in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24))
DISFA = tuple(f"AU{n}" for n in (1, 2, 4, 6, 9, 12, 25, 26))


def test_action_unit_regions_follow_the_order_of_the_dataset() -> None:
    table = regions_for(kind="au", label_names=DISFA, palsy_regions="single12")

    assert table.names == DISFA
    assert len(table) == 8
    assert table.num_centres == 2


@pytest.mark.parametrize(
    ("unit", "landmarks", "dy"),
    [
        ("AU1", (4, 5), -1 / 2),
        ("AU2", (1, 8), -1 / 3),
        ("AU4", (2, 7), 1 / 3),
        ("AU6", (24, 29), 1),
        ("AU7", (21, 26), 0),
        ("AU9", (15, 17), -1 / 2),
        ("AU10", (43, 45), 0),
        ("AU12", (31, 37), 0),
        ("AU17", (39, 41), 1 / 2),
        ("AU24", (34, 40), 0),
        ("AU26", (39, 41), 1 / 2),
    ],
)
def test_centres_of_action_units_are_those_of_jaanet(
    unit: str, landmarks: tuple[int, int], dy: float
) -> None:
    (rule,) = regions_for(kind="au", label_names=[unit], palsy_regions="single12").rules

    first, second = landmarks
    assert rule.centres == (RegionCentre(first, 0.0, dy), RegionCentre(second, 0.0, dy))


def test_an_action_unit_without_a_rule_is_named() -> None:
    with pytest.raises(ConfigError, match="AU99: no rule") as caught:
        regions_for(kind="au", label_names=["AU1", "AU99"], palsy_regions="single12")
    assert "AU26" in caught.value.message


def test_a_dataset_without_action_units_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no action unit"):
        regions_for(kind="au", label_names=[], palsy_regions="single12")


def test_an_unknown_kind_and_unknown_palsy_regions_are_refused() -> None:
    with pytest.raises(ConfigError, match="'video' is unknown"):
        regions_for(kind="video", label_names=[], palsy_regions="single12")
    with pytest.raises(ConfigError, match=r"model\.palsy_regions: 'pairs7'"):
        regions_for(kind="grade", label_names=[], palsy_regions="pairs7")


def test_palsy_has_twelve_single_centres_or_six_pairs() -> None:
    single = regions_for(kind="grade", label_names=[], palsy_regions="single12")
    pairs = regions_for(kind="grade", label_names=[], palsy_regions="pairs6")

    assert (len(single), single.num_centres) == (12, 1)
    assert (len(pairs), pairs.num_centres) == (6, 2)
    assert single.names[:2] == ("frontalis image-left", "frontalis image-right")


@pytest.mark.parametrize("regions", ["single12", "pairs6"])
def test_the_mirrored_region_lies_at_the_mirrored_landmark(regions: str) -> None:
    table = regions_for(kind="grade", label_names=[], palsy_regions=regions)

    mirrored = [
        {(MIRRORED[centre.landmark], -centre.dx, centre.dy) for centre in rule.centres}
        for rule in table.rules
    ]
    found = [
        {(c.landmark, c.dx, c.dy) for c in table.rules[table.mirrored[index]].centres}
        for index in range(len(table))
    ]
    assert found == mirrored


def test_regions_by_height_run_from_the_forehead_to_the_chin() -> None:
    bp4d = regions_for(kind="au", label_names=BP4D, palsy_regions="single12")
    disfa = regions_for(kind="au", label_names=DISFA, palsy_regions="single12")

    assert [bp4d.names[i] for i in bp4d.by_height] == [
        *("AU1", "AU2", "AU4", "AU7", "AU6", "AU10"),
        *("AU12", "AU14", "AU15", "AU23", "AU24", "AU17"),
    ]
    assert [disfa.names[i] for i in disfa.by_height] == [
        *("AU1", "AU2", "AU4", "AU9", "AU6", "AU12", "AU25", "AU26")
    ]
