"""What replicas say in a cluster fits into what an API server takes, or says why it does not."""

from datetime import UTC, datetime
from hashlib import sha256

from ca.report_lease import MAX_PACKED_BYTES, heard, lease, packed
from ca.reports import Report

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def of(count: int) -> Report:
    ends = (sha256(str(n).encode()).hexdigest()[:10] for n in range(count))  # cannot be packed
    pods = (f"team-{n % 50}/service-{n % 400}-{end}" for n, end in enumerate(ends))
    return Report(replica="one", state="state", taken=tuple(pods))


def test_it_is_read_as_it_was_said() -> None:
    said = of(5000)
    found = heard(lease("heddle-system", said, "pod", NOW))
    assert found is not None
    assert (found.report, found.pod, found.since) == (said, "pod", NOW)


def test_ten_thousand_proxies_fit() -> None:
    assert len(packed(of(10_000))) < MAX_PACKED_BYTES


def test_more_than_fit_stop_a_rotation_and_say_why() -> None:
    found = heard(lease("heddle-system", of(60_000), "", NOW))
    assert found is not None
    assert (found.report.state, found.report.problem) == (
        "",
        "it has more proxies than it can report of",
    )


def test_other_leases_are_nobodys_report() -> None:
    other = {"metadata": {"name": "heddle-leader"}, "spec": {"holderIdentity": "one"}}
    assert heard(other) is None
    assert heard({}) is None
