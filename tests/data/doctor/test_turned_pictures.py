"""Pictures that are stored on their side, with an EXIF mark that turns them upright."""

import numpy as np
from PIL import ExifTags, Image

from algr.data.adapters import ImageFiles, Recording
from algr.data.doctor.pictures import look
from algr.data.doctor.sampling import Sample


def test_a_picture_is_looked_at_as_it_is_displayed(tmp_path):
    upright = Image.fromarray(np.arange(60, dtype=np.uint8)[:, None].repeat(40, axis=1) * 4)
    mark = Image.Exif()
    mark[ExifTags.Base.Orientation] = 6
    upright.save(tmp_path / "1.png")
    upright.rotate(90, expand=True).save(tmp_path / "2.png", exif=mark)
    recording = Recording(
        name="anna",
        subject="anna",
        pictures=ImageFiles(paths=(tmp_path / "1.png", tmp_path / "2.png")),
        number_N=np.arange(2),
        labels_NA=np.zeros((2, 0), np.int8),
        landmarks_NL2=None,
    )

    plain, turned = look(
        [Sample(recording=0, rows=(0, 1), fast=())], [recording], jobs=1, tick=lambda _: None
    )

    assert (turned.width, turned.height) == (plain.width, plain.height) == (40, 60)
    np.testing.assert_allclose(turned.whole_SS, plain.whole_SS, atol=1)
