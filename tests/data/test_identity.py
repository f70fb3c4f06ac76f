import concurrent.futures
import hashlib
import hmac
import logging
import stat

import pytest

from algr.data import hash_id, load_or_create_key
from algr.data.identity import folded_id, key_path
from algr.errors import DataError


def test_the_key_is_made_once_and_is_the_users_alone(tmp_path):
    key = load_or_create_key()

    path = tmp_path / "keys" / "id.key"
    assert load_or_create_key() == key
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["id.key"]


def test_two_makers_agree_on_one_key():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_or_create_key(), range(8)))

    assert len(keys) == 1


def test_hashes_are_keyed_and_tell_kinds_apart():
    expected = hmac.new(bytes(32), b"patient\0p17", hashlib.sha256).hexdigest()[:16]

    assert hash_id("patient", "p17", key=bytes(32)) == expected
    assert hash_id("video", "p17", key=bytes(32)) != expected
    assert hash_id("patient", "p17", key=bytes([1] * 32)) != expected
    assert hash_id("patient", "p17") == hash_id("patient", "p17", key=load_or_create_key())


def test_without_a_setting_the_key_lies_in_the_users_configuration(monkeypatch, tmp_path):
    monkeypatch.delenv("ALGR_KEY_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert key_path() == tmp_path / "algr" / "id.key"


@pytest.mark.parametrize("content", [b"", b"abc", b"00" * 31, b"zz" * 32, "ü".encode()])
def test_a_file_that_is_no_key_is_refused_and_left_alone(content):
    key_path().parent.mkdir()
    key_path().write_bytes(content)

    with pytest.raises(DataError, match="holds no key"):
        load_or_create_key()

    assert key_path().read_bytes() == content


def test_a_place_that_cannot_be_written_is_an_error(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "file" / "id.key"))

    with pytest.raises(DataError, match="set ALGR_KEY_FILE to a place of your own"):
        load_or_create_key()


def test_a_key_that_others_can_read_is_warned_of(caplog):
    load_or_create_key()
    key_path().chmod(0o644)

    with caplog.at_level(logging.WARNING, logger="algr"):
        load_or_create_key()

    assert "chmod 600" in caplog.text


def test_an_accent_that_is_a_character_of_its_own_makes_no_second_person():
    one, two = "M\u00fcller", "Mu\u0308ller"

    assert hash_id("patient", one) == hash_id("patient", two)
    assert hash_id("video", one) != hash_id("video", two)


def test_ids_that_the_eye_does_not_tell_apart_are_folded_into_one():
    assert folded_id("P 1") == folded_id("p1") == folded_id("P\u200b1") == folded_id("\uff30\uff11")
    assert folded_id("P1") != folded_id("P2")


@pytest.mark.parametrize("spelt", ["7", "007", "7.0", "7,00", " 07 "])
def test_ids_that_are_one_number_are_folded_into_one(spelt):
    assert folded_id(spelt) == "7"


@pytest.mark.parametrize(("one", "other"), [("70", "7"), ("1.1", "1.10"), ("0", "00.1")])
def test_other_numbers_are_other_ids(one, other):
    assert folded_id(one) != folded_id(other)
