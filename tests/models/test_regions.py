import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from algr.models import regions_for
from algr.models.regions import MapGeometry, RegionAttention, RegionHeads, region_maps
from tests.models.faces import frontal_face, mirrored, shaken_faces
from tests.models.reference_maps import centres_px, official_map, smooth_map
from tests.models.test_rules import BP4D, DISFA

JAA = MapGeometry(feature_side=44, form="jaa")
SCALE = torch.tensor([[0.14]], dtype=torch.float64)


def attention_for(
    names: tuple[str, ...], geometry: MapGeometry, *, rounding: bool
) -> RegionAttention:
    kind = "au" if names else "grade"
    table = regions_for(kind=kind, label_names=names, palsy_regions="single12")
    return RegionAttention(table=table, geometry=geometry, region_scale=0.14, rounding=rounding)


@pytest.mark.parametrize("names", [BP4D, DISFA, ()], ids=["bp4d", "disfa", "fpara"])
def test_rounded_maps_equal_the_official_loop_even_outside_the_frame(
    names: tuple[str, ...],
) -> None:
    faces = shaken_faces(3, seed=1, spread=40)
    attention = attention_for(names, JAA, rounding=True)

    maps = attention(faces, None, None)

    table = regions_for(
        kind="au" if names else "grade", label_names=names, palsy_regions="single12"
    )
    expected = torch.stack(
        [
            torch.stack(
                [
                    official_map([(x * 52 / 176, y * 52 / 176) for x, y in centres], side=52)
                    for centres in centres_px(face, table)
                ]
            )
            for face in faces
        ]
    )
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-6)


def test_a_map_is_one_at_its_centre_and_falls_by_the_city_block_distance() -> None:
    centre = torch.tensor([[[[20.0, 30.0]]]], dtype=torch.float64)

    (drawn,) = region_maps(centre, SCALE, side=52, rounding=True)[0]

    slope = 0.56 / (52 * 0.14)
    assert drawn[30, 20] == 1
    assert drawn[32, 21] == pytest.approx(1 - 3 * slope)
    assert drawn[34, 24] == pytest.approx(1 - 8 * slope)
    assert drawn[35, 20] == 0
    assert int((drawn > 0).sum()) == 81


@settings(max_examples=20, deadline=None)
@given(
    side=st.integers(6, 20),
    scale=st.floats(0.07, 0.5),
    centres=st.lists(
        st.tuples(st.floats(-4, 24), st.floats(-4, 24)), min_size=1, max_size=2, unique=True
    ),
)
def test_rounded_maps_equal_the_official_loop_at_any_size(
    side: int, scale: float, centres: list[tuple[float, float]]
) -> None:
    centres_BAC2 = torch.tensor(centres, dtype=torch.float64)[None, None]
    scales = torch.tensor([[scale]], dtype=torch.float64)

    drawn = region_maps(centres_BAC2, scales, side=side, rounding=True)[0, 0]

    expected = official_map(centres, side=side, scale=scale).clamp_min(0)
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    side=st.integers(6, 12),
    regions=st.integers(1, 3),
    count=st.integers(1, 2),
)
def test_smooth_maps_and_their_gradients_equal_those_of_a_loop_over_pixels(
    seed: int, side: int, regions: int, count: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (2, regions, count, 2)
    centres = (side + 8) * torch.rand(shape, generator=generator, dtype=torch.float64) - 4
    scales = 0.07 + 0.4 * torch.rand(shape[:2], generator=generator, dtype=torch.float64)
    inputs = [centres.requires_grad_(), scales.requires_grad_()]

    drawn = region_maps(centres, scales, side=side, rounding=False)
    expected = torch.stack(
        [
            torch.stack(
                [smooth_map(c, s, side=side) for c, s in zip(of_image, widths, strict=True)]
            )
            for of_image, widths in zip(centres, scales, strict=True)
        ]
    )

    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-12)
    weights = torch.randn(drawn.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad((drawn * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        rtol=1e-9,
        atol=1e-11,
    )


def test_smooth_maps_have_the_gradients_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    centres = 4 + 8 * torch.rand(1, 2, 2, 2, generator=generator, dtype=torch.float64)
    scales = 0.2 + 0.1 * torch.rand(1, 2, generator=generator, dtype=torch.float64)

    def maps(centres: Tensor, scales: Tensor) -> Tensor:
        return region_maps(centres, scales, side=16, rounding=False)

    assert torch.autograd.gradcheck(
        maps, (centres.requires_grad_(), scales.requires_grad_()), eps=1e-7
    )


def test_a_wider_region_weighs_more() -> None:
    centre = torch.tensor([[[[20.3, 30.8]]]], dtype=torch.float64)

    narrow = region_maps(centre, SCALE / 2, side=52, rounding=False)
    wide = region_maps(centre, SCALE * 2, side=52, rounding=False)

    assert wide.sum() > 4 * narrow.sum()


def test_aligned_maps_lie_where_the_feature_is_and_official_ones_are_magnified() -> None:
    centre_px = torch.tensor([88.0, 12.0])

    aligned = MapGeometry(feature_side=44, form="aligned").to_cells(centre_px) - 4
    official = JAA.to_cells(centre_px) - 4

    assert aligned.tolist() == pytest.approx([22.0, 3.0])
    assert official.tolist() == pytest.approx([22.0, -0.4545], abs=1e-3)


def test_an_offset_is_measured_in_inner_eye_corner_distances() -> None:
    face = frontal_face()[None]
    attention = attention_for((), JAA, rounding=False)
    offsets = torch.zeros(1, 12, 2, dtype=torch.float64)
    offsets[0, 2] = torch.tensor([0.25, 0.5])

    plain = attention(face, torch.zeros_like(offsets), SCALE)
    moved = attention(face, offsets, SCALE)

    ruler_px = float(face[0, 25, 0] - face[0, 22, 0])
    shifted = face.clone()
    shifted[0, 21] += torch.tensor([0.25, 0.5]) * ruler_px
    expected = attention(shifted, torch.zeros_like(offsets), SCALE)
    torch.testing.assert_close(moved[0, 2], expected[0, 2])
    torch.testing.assert_close(moved[0, 3], plain[0, 3])


def test_maps_of_a_mirrored_face_are_the_mirrored_maps() -> None:
    table = regions_for(kind="grade", label_names=[], palsy_regions="single12")
    attention = attention_for((), MapGeometry(feature_side=44, form="aligned"), rounding=False)
    faces = shaken_faces(2, seed=3)

    maps = attention(faces, None, None)
    of_mirror = attention(mirrored(faces), None, None)

    # The crop's last pixel is 175 but its width 176: a mirrored centre lies a quarter cell off.
    assert of_mirror.argmax(-1).shape == maps.shape[:-1]
    columns = torch.arange(52, dtype=torch.float64)
    centre = (maps * columns).sum((2, 3)) / maps.sum((2, 3))
    centre_of_mirror = (of_mirror * columns).sum((2, 3)) / of_mirror.sum((2, 3))
    expected = 51 + 0.75 - centre[:, list(table.mirrored)]
    torch.testing.assert_close(centre_of_mirror, expected, rtol=0, atol=0.2)


def test_offsets_start_at_zero_and_scales_at_the_configured_one_and_stay_bounded() -> None:
    heads = RegionHeads(features=6, hidden=8, regions=3, region_scale=0.14, offset_bound=0.3)
    aligned = torch.randn(4, 6)

    offsets, scales = heads(aligned)
    torch.nn.init.normal_(heads.offset.last.weight, std=100.0)
    torch.nn.init.normal_(heads.scale.last.weight, std=100.0)
    far_offsets, far_scales = heads(aligned)

    assert offsets.shape == (4, 3, 2)
    assert offsets.abs().max() == 0
    torch.testing.assert_close(scales, torch.full((4, 3), 0.14))
    assert far_offsets.abs().max().item() == pytest.approx(0.3)
    assert far_scales.min().item() == pytest.approx(0.07)
    assert far_scales.max().item() == pytest.approx(0.28)
