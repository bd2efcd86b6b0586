"""The live view: what the demo knows at one moment, as something that rich can draw. Pure; fits 80
columns.

Much of the text is the folder's: it is never markup, and nothing in it steers the terminal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crds.problem import Problem, Severity, printable
from heddle.demo.mesh_handle import ProxyState, ProxyStatus

MOST_PROXIES = 12
MOST_PROBLEMS = 5
_BAR = 24
_STYLES = {
    ProxyState.SYNCED: "green",
    ProxyState.BEHIND: "yellow",
    ProxyState.REJECTED: "bold red",
    ProxyState.DISCONNECTED: "red",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """A version's part of the newest requests, in percent; `configured` is absent where nothing is
    split.
    """

    service: str
    version: str
    configured: float | None
    observed: float
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TesterRow:
    """How many of the testers' requests reached the version that is meant for them."""

    header: str
    version: str
    requests: int
    matched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The last edit of the folder: the file, and the milliseconds until every proxy had
    acknowledged it.
    """

    file: str
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewState:
    """All that is shown. `rate` is in requests a second, `p50` and `p99` are in milliseconds."""

    mode: str
    mode_reason: str
    folder: str
    generation: int
    versions: tuple[VersionRow, ...] = ()
    testers: TesterRow | None = None
    requests: int = 0
    failed: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    proxies: tuple[ProxyStatus, ...] = ()
    last_edit: Edit | None = None
    problems: tuple[Problem, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    page: str = ""
    hint: str = ""


def render(state: ViewState) -> RenderableType:
    """The whole view."""
    parts: list[RenderableType] = [_title(state)]
    if state.versions:
        parts += [Text(), _versions(state)]
    if state.requests:
        parts += [Text(), *_traffic(state)]
    parts += [Text(), _edit(state), Text(), _proxies(state)]
    if state.problems:
        parts += [Text(), *_problems(state)]
    if state.page:
        parts += [
            Text(),
            Text("Sync, configuration and proxies in a browser (once):"),
            _page(state),
        ]
    if state.urls:
        parts += [Text(), *_urls(state)]
    if state.hint:
        parts += [Text(), _text(state.hint, style="dim")]
    return Group(*parts)


def _title(state: ViewState) -> Text:
    return Text.assemble(
        ("heddle demo", "bold"),
        printable(f" {state.folder} in mode "),
        (state.mode, "bold"),
        printable(_because(state)),
    )


def _because(state: ViewState) -> str:
    return f": {state.mode_reason}" if state.mode_reason else ""


def _versions(state: ViewState) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("Service", "Version"):
        table.add_column(name, no_wrap=True)
    for name in ("Configured", "Observed", "Requests"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", width=_BAR, no_wrap=True)
    before = ""
    for row in state.versions:
        configured = "-" if row.configured is None else f"{row.configured:.1f} %"
        bar = "█" * round(row.observed / 100 * _BAR)
        table.add_row(
            _text(row.service if row.service != before else ""),
            _text(row.version),
            configured,
            f"{row.observed:.1f} %",
            str(row.requests),
            Text(bar, style="cyan"),
        )
        before = row.service
    return table


def _traffic(state: ViewState) -> Iterator[Text]:
    testers = state.testers
    if testers is not None:
        whole = testers.matched == testers.requests
        yield Text.assemble(
            printable(f"Testers ({testers.header}) that got {testers.version}: "),
            (f"{testers.matched} of {testers.requests}", "green" if whole else "bold red"),
        )
    codes = ", ".join(f"{number} x {code}" for code, number in sorted(state.codes.items()))
    rate = "" if state.rate is None else f", {state.rate:.0f}/s"
    yield Text.assemble(
        f"Requests {state.requests}, failed ",
        (str(state.failed), "bold red" if state.failed else "green"),
        f"{rate}, p50 {_ms(state.p50)}, p99 {_ms(state.p99)}, {codes}",
    )
    for failure in state.failures[:2]:
        yield Text(printable(f"  {failure}"), style="red", no_wrap=True, overflow="ellipsis")


def _edit(state: ViewState) -> Text:
    if state.last_edit is None:
        return Text(f"Configuration {state.generation}, no edit yet")
    return Text.assemble(
        printable(f"Configuration {state.generation}: {state.last_edit.file}"),
        ", acknowledged by every proxy in ",
        (_ms(state.last_edit.milliseconds), "bold"),
    )


def _proxies(state: ViewState) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Proxy", no_wrap=True, max_width=36, overflow="ellipsis")
    table.add_column("Mode", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Has", justify="right", no_wrap=True)
    table.add_column("Said", overflow="fold")
    # What is wrong must not be the part that is cut off.
    by_need = sorted(state.proxies, key=lambda proxy: proxy.state is ProxyState.SYNCED)
    shown = sorted(by_need[:MOST_PROXIES], key=lambda proxy: proxy.pod)
    for proxy in shown:
        table.add_row(
            _text(proxy.pod),
            Text(proxy.mode),
            Text(proxy.state, style=_STYLES[proxy.state]),
            f"{proxy.acknowledged}/{state.generation}",
            _text(proxy.detail),
        )
    if len(state.proxies) > len(shown):
        table.add_row(f"and {len(state.proxies) - len(shown)} more")
    return table


def _problems(state: ViewState) -> Iterator[Text]:
    yield Text(f"Problems ({len(state.problems)})", style="bold")
    ordered = sorted(state.problems, key=lambda problem: problem.severity is Severity.WARNING)
    for problem in ordered[:MOST_PROBLEMS]:
        yield Text(str(problem), style="red" if problem.severity is Severity.ERROR else "yellow")
    if len(ordered) > MOST_PROBLEMS:
        yield Text(f"and {len(ordered) - MOST_PROBLEMS} more: `heddle validate` shows them all")


def _urls(state: ViewState) -> Iterator[Text]:
    for url, service in state.urls.items():
        yield Text.assemble("Open ", (url, "bold cyan"), printable(f" ({service})"))


def _page(state: ViewState) -> Text:
    """On a line of its own: it is as wide as the screen, and people copy it."""
    return Text(state.page, style="bold cyan", no_wrap=True, overflow="ignore")


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style)


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.1f} ms"
