"""Studies in a database in place of the journal."""

import pytest

from algr.errors import IntegrityError, StudyError, UsageError
from algr.tune import check_storage, open_study, read_header, read_progress


def test_a_study_in_a_database_is_the_one_in_the_journal(tmp_path, identity, run_study):
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    given = {"identity": identity, "dataset": "toy", "trials": 2}
    with open_study(tmp_path / "s", **given, resume=False, storage_url=url) as store:
        store.report(store.take().number, epoch=0, value=0.5)
        store.complete(0, seconds=1.0)
        store.report(store.take().number, epoch=0, value=0.4)

    with open_study(tmp_path / "s", **given, resume=True) as store:  # knows its database itself
        resumed = store.take()

    records = read_progress(tmp_path / "s").records
    journal = run_study(tmp_path / "j", trials=2)
    assert (resumed.number, resumed.is_resumed) == (1, True)
    assert [record.state for record in records] == ["COMPLETE", "RUNNING"]
    assert [record.params for record in records] == [record.params for record in journal]
    assert read_header(tmp_path / "s").storage == url
    assert not (tmp_path / "s" / "study.journal").exists()


def test_a_study_of_another_data_home_is_not_taken_for_this_one(tmp_path, identity):
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    given = {"identity": identity, "dataset": "toy", "trials": 2, "resume": True}
    with open_study(tmp_path / "one" / "s", **given, storage_url=url):
        pass

    with (
        pytest.raises(StudyError, match="holds a study 's' that this data home does not know"),
        open_study(tmp_path / "two" / "s", **given, storage_url=url),
    ):
        pass


@pytest.mark.parametrize("url", ["postgres", "redis://host/0", "https://host/db"])
def test_what_is_no_database_is_refused(url):
    with pytest.raises(UsageError, match="not the address of a database"):
        check_storage(url)


def test_a_password_is_refused_because_it_would_be_written_down():
    with pytest.raises(UsageError, match="PGPASSWORD") as caught:
        check_storage("postgresql+psycopg://me:secret@host/db")

    assert "secret" not in caught.value.message


def test_a_database_that_cannot_be_opened_is_an_error_with_its_address(tmp_path, identity):
    url = f"sqlite:///{tmp_path}/no/such/folder/x.db"
    given = {"identity": identity, "dataset": "toy", "trials": 2, "resume": False}

    with (
        pytest.raises(StudyError, match="cannot be used"),
        open_study(tmp_path / "s", **given, storage_url=url),
    ):
        pass


@pytest.mark.parametrize("url", ["sqlite:///studies.db", "sqlite:///../x.db", "sqlite://"])
def test_a_file_that_is_another_one_in_another_folder_is_refused(url):
    with pytest.raises(UsageError, match="in another folder"):
        check_storage(url)


def test_a_study_whose_trials_are_gone_is_not_begun_anew(tmp_path, identity):
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    given = {"identity": identity, "dataset": "toy", "trials": 2}
    with open_study(tmp_path / "s", **given, resume=False, storage_url=url) as store:
        checkpoint = store.checkpoint(store.take().number)
        checkpoint.parent.mkdir(parents=True)
        checkpoint.write_text("weights")
    (tmp_path / "studies.db").unlink()

    with (
        pytest.raises(IntegrityError, match="trials of study 's' are gone"),
        open_study(tmp_path / "s", **given, resume=True),
    ):
        pass

    assert checkpoint.exists()


def test_a_journal_that_cannot_be_read_is_told_to_those_who_look(tmp_path, identity):
    with open_study(
        tmp_path / "s", identity=identity, dataset="toy", trials=2, resume=False
    ) as store:
        store.take()
    journal = tmp_path / "s" / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([*lines[:2], "garbage\n", *lines[3:]]))

    with pytest.raises(IntegrityError, match="cannot be read"):
        read_progress(tmp_path / "s")
