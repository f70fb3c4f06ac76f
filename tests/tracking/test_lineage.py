from algr.config import DataHome
from algr.tracking import trained_on


def test_runs_are_found_by_the_fingerprint_of_their_dataset(connect, home, dataset):
    fingerprint = f"{dataset.name:x>64}"
    tracker = connect()
    tags = {"algr.fingerprint": fingerprint}
    with tracker.start_run("cv", name="cv-1", key=dataset.name, tags=tags):
        pass
    tracker.close()

    uses = trained_on(home, fingerprints=[fingerprint, "no such"])

    assert [(use.what, use.name, use.kind) for use in uses] == [("run", "cv-1", "cv")]
    assert trained_on(home, fingerprints=["no such"]) == ()


def test_a_store_that_was_never_made_is_not_made_by_looking(tmp_path):
    assert trained_on(DataHome(tmp_path), fingerprints=["f"]) == ()
    assert list(tmp_path.iterdir()) == []
