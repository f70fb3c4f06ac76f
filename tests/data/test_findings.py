from algr.data.findings import Finding, up_to_the_limit
from algr.data.words import MOST_PROBLEMS


def some(code, count, severity="warning"):
    return [
        Finding(severity=severity, code=code, message=f"{code} {number}", count=2)
        for number in range(count)
    ]


def test_up_to_the_limit_all_are_told():
    findings = [*some("a", MOST_PROBLEMS), *some("b", 1)]

    assert up_to_the_limit(findings) == findings


def test_beyond_the_limit_of_a_kind_it_says_how_many_more_and_other_kinds_stay():
    findings = [*some("a", MOST_PROBLEMS + 3), *some("a", 2, "note"), *some("b", 1)]

    told = up_to_the_limit(findings)

    assert told[: MOST_PROBLEMS + 3] == [*findings[:MOST_PROBLEMS], *findings[-3:]]
    (rest,) = told[MOST_PROBLEMS + 3 :]
    assert (rest.severity, rest.code, rest.count) == ("warning", "a", 6)
    assert rest.message == f"and 3 more like those above, {MOST_PROBLEMS + 3} in all"
