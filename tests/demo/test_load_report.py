"""The lines between the load generator and the demo."""

from heddle.demo import load_command, load_report
from heddle.demo.latency import bucket, quantile
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_report import Counts, Report, total


def test_a_report_survives_the_line() -> None:
    counts = Counts(
        requests=3,
        testers=1,
        failed=1,
        reconnects=1,
        codes={"200": 2},
        failures={"TimeoutError: ": 1},
        versions={("reviews", "v1"): 1},
        tester_versions={("reviews", "v2"): 1},
        latency={3: 3},
    )
    report = Report(sequence=1, time=0.5, phase="split", done=True, counts=counts)
    assert load_report.decode(load_report.encode(report)) == report


def test_a_command_survives_the_line() -> None:
    command = LoadCommand(phase="live", rate=50, requests=None, tester="a: b", tester_every=2)
    assert load_command.decode(load_command.encode(command)) == command


def test_other_lines_are_neither() -> None:
    for line in (
        "",
        "Traceback (most recent call last):",
        "3",
        "[]",
        '{"phase": "x", "requests": "many"}',
    ):
        assert load_report.decode(line) is None
        assert load_command.decode(line) is None


def test_counts_add_up() -> None:
    one = Counts(requests=1, codes={"200": 1}, versions={("a", "v1"): 1})
    other = Counts(requests=2, failed=1, codes={"200": 1, "503": 1}, versions={("a", "v1"): 1})
    both = total([one, other])
    assert (both.requests, both.failed, both.codes) == (3, 1, {"200": 2, "503": 1})
    assert both.versions == {("a", "v1"): 2}


def test_a_quantile_is_within_a_bucket_of_the_latency() -> None:
    buckets = {bucket(0.001): 98, bucket(0.050): 1, bucket(2.0): 1}
    assert abs((quantile(buckets, 0.5) or 0) - 1) < 0.03
    assert abs((quantile(buckets, 0.99) or 0) - 50) < 1.5
    assert quantile({}, 0.5) is None
    assert bucket(0) == 0
