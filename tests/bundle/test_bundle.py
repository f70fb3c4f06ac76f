from algr.bundle import Bundle, check_golden


def test_a_written_bundle_computes_its_golden_outputs(grade_bundle: Bundle) -> None:
    report = check_golden(grade_bundle)

    assert report.probability < 1e-5
    assert report.landmarks_px < 1e-3
    assert report.attention is not None
