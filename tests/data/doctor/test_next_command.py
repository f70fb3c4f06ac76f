"""What is proposed to be typed next: names and paths that a shell takes as they are."""

import unicodedata

import pytest

from algr.data.doctor import examine_source
from tests.data import raw_layouts as raw


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Ärzte Nr 1", "aerzte-nr-1"),
        (unicodedata.normalize("NFD", "Ärzte Nr 1"), "aerzte-nr-1"),
        ("Straße (Kopie)", "strasse-kopie"),
        ("Hôpital Nº2", "hopital-no2"),
        ("患者", "manifest"),
        ("患者 2024", "manifest-2024"),
        ("___", "manifest"),
    ],
)
def test_the_name_of_a_folder_becomes_one_that_a_dataset_may_have(tmp_path, folder, name):
    source = raw.write_pictures_with_manifest(tmp_path / folder, real=True)

    assert examine_source(source).command.split("--name ")[1] == name


def test_a_path_is_quoted(tmp_path):
    source = raw.write_pictures_with_manifest(tmp_path / "my $copy", real=True)

    assert f"--source '{source}'" in examine_source(source).command
