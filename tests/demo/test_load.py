"""The load generator, run for real against real shops."""

import signal

from heddle.demo import load_command
from heddle.demo.load_command import LoadCommand
from heddle.demo.load_report import of_service, total
from tests.demo.programs import program, reports, shop, tell


async def test_a_bounded_phase_reports_every_request_once_and_then_that_it_is_done() -> None:
    async with (
        shop(NAME="reviews", VERSION="v2") as (_, reviews),
        shop(NAME="storefront", UPSTREAMS=reviews) as (_, storefront),
        program("heddle.demo.load", URL=storefront, RATE="0") as load,
    ):
        command = LoadCommand(
            phase="split", rate=5000, requests=110, tester="x-tester: true", tester_every=11
        )
        await tell(load, load_command.encode(command))
        lines = await reports(load, until=lambda report: report.done)
    counts = total(report.counts for report in lines)
    assert {report.phase for report in lines} == {"split"}
    assert [report.sequence for report in lines] == list(range(1, len(lines) + 1))
    assert (counts.requests, counts.testers, counts.failed) == (110, 10, 0)
    assert counts.codes == {"200": 110}
    assert of_service(counts.versions, "reviews") == {"v2": 100}
    assert of_service(counts.tester_versions, "reviews") == {"v2": 10}
    assert sum(counts.latency.values()) == 110


async def test_counts_what_gets_no_2xx_as_failed_with_the_reason() -> None:
    async with (
        shop(UPSTREAMS="http://127.0.0.1:1/") as (_, broken),
        program("heddle.demo.load", URL=broken, RATE="0") as load,
    ):
        command = LoadCommand(phase="bad", rate=1000, requests=3)
        await tell(load, load_command.encode(command))
        lines = await reports(load, until=lambda report: report.done)
    counts = total(report.counts for report in lines)
    assert (counts.failed, counts.codes) == (3, {"502": 3})
    assert all("ConnectionRefusedError" in reason for reason in counts.failures)


async def test_counts_a_refused_connection_as_failed() -> None:
    async with program("heddle.demo.load", URL="http://127.0.0.1:1/", RATE="100") as load:
        (report, *_) = await reports(load, until=lambda report: report.counts.failed > 0)
    assert report.phase == "environment"
    assert report.counts.codes == {}


async def test_goes_on_as_the_environment_says_until_a_command_and_ignores_nonsense() -> None:
    async with (
        shop() as (_, url),
        program("heddle.demo.load", URL=url, RATE="200") as load,
    ):
        await reports(load, until=lambda report: report.phase == "environment")
        await tell(load, "not a command")
        await tell(load, load_command.encode(LoadCommand(phase="live", rate=200)))
        lines = await reports(load, until=lambda report: report.phase == "live")
        load.send_signal(signal.SIGTERM)
        assert await load.wait() == 0
    assert total(report.counts for report in lines).failed == 0


async def test_goes_on_when_its_standard_input_ends() -> None:
    async with (
        shop() as (_, url),
        program("heddle.demo.load", URL=url, RATE="200") as load,
    ):
        assert load.stdin is not None
        load.stdin.close()
        lines = await reports(load, until=lambda report: report.sequence >= 3)
    assert total(report.counts for report in lines).failed == 0
