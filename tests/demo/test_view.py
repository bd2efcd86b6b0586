"""The live view, as text at 80 columns."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from crds.meta import Key, Origin
from crds.problem import Problem, Severity
from heddle.demo.mesh_handle import ProxyState, ProxyStatus
from heddle.demo.summary import line
from heddle.demo.view import MOST_PROXIES, Edit, TesterRow, VersionRow, ViewState, render


def proxy(pod: str, state: ProxyState, acknowledged: int = 7, detail: str = "") -> ProxyStatus:
    return ProxyStatus(
        pod=f"shop/{pod}", mode="REDIRECT", state=state, acknowledged=acknowledged, detail=detail
    )


BROKEN = Problem(
    code="unknown-subset",
    severity=Severity.ERROR,
    message="no DestinationRule of `reviews` has the subset v3: add it, or name one of v1, v2",
    object=Key("networking.istio.io", "VirtualService", "shop", "reviews"),
    path="spec.http[1].route[1].destination.subset",
    value="v3",
    origin=Origin(file="reviews/canary.yaml", document=1, line=1),
)

BUSY = ViewState(
    mode="namespaces",
    mode_reason="this is root",
    folder="examples/shop",
    generation=7,
    versions=(
        VersionRow(service="catalog", version="v1", configured=None, observed=100.0, requests=500),
        VersionRow(service="reviews", version="v1", configured=90.0, observed=91.0, requests=455),
        VersionRow(service="reviews", version="v2", configured=10.0, observed=9.0, requests=45),
    ),
    testers=TesterRow(header="x-tester: true", version="v2", requests=50, matched=49),
    requests=1234,
    failed=2,
    codes={"503": 2, "200": 1232},
    failures=("503: no healthy upstream",),
    rate=49.8,
    p50=3.14,
    p99=12.0,
    proxies=(
        proxy("catalog-0", ProxyState.SYNCED),
        proxy("payments-0", ProxyState.DISCONNECTED, 0, "no stream since 3 s"),
        proxy("reviews-v1-0", ProxyState.REJECTED, 6, "route: unknown cluster 'x'"),
        proxy("reviews-v2-0", ProxyState.BEHIND, 6),
    ),
    last_edit=Edit(file="reviews/canary.yaml", milliseconds=41.27),
    problems=(BROKEN,),
    urls={"http://127.0.0.1:8080": "shop/ingress"},
    page=f"http://127.0.0.1:41733/login?once={'x' * 43}",
    hint="Edit a weight in examples/shop/reviews/canary.yaml and save it. Ctrl-C ends.",
)


def drawn(state: ViewState) -> str:
    console = Console(file=StringIO(), record=True, width=80)
    console.print(render(state))
    return "\n".join(line.rstrip() for line in console.export_text().splitlines())


BUSY_TEXT = """\
heddle demo examples/shop in mode namespaces: this is root

Service  Version  Configured  Observed  Requests
catalog  v1                -   100.0 %       500  ████████████████████████
reviews  v1           90.0 %    91.0 %       455  ██████████████████████
         v2           10.0 %     9.0 %        45  ██

Testers (x-tester: true) that got v2: 49 of 50
Requests 1234, failed 2, 50/s, p50 3.1 ms, p99 12.0 ms, 1232 x 200, 2 x 503
  503: no healthy upstream

Configuration 7: reviews/canary.yaml, acknowledged by every proxy in 41.3 ms

Proxy              Mode      State         Has  Said
shop/catalog-0     REDIRECT  synced        7/7
shop/payments-0    REDIRECT  disconnected  0/7  no stream since 3 s
shop/reviews-v1-0  REDIRECT  rejected      6/7  route: unknown cluster 'x'
shop/reviews-v2-0  REDIRECT  behind        6/7

Problems (1)
error[unknown-subset] reviews/canary.yaml:1 (document 1): VirtualService
shop/reviews: spec.http[1].route[1].destination.subset: no DestinationRule of
`reviews` has the subset v3: add it, or name one of v1, v2 (got 'v3')

Sync, configuration and proxies in a browser (once):
http://127.0.0.1:41733/login?once=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx

Open http://127.0.0.1:8080 (shop/ingress)

Edit a weight in examples/shop/reviews/canary.yaml and save it. Ctrl-C ends."""


def test_shows_everything_within_80_columns() -> None:
    assert drawn(BUSY) == BUSY_TEXT


def test_says_little_before_anything_has_happened() -> None:
    state = ViewState(mode="proxy-port", mode_reason="no root", folder="shop", generation=1)
    assert drawn(state).split("\n") == [
        "heddle demo shop in mode proxy-port: no root",
        "",
        "Configuration 1, no edit yet",
        "",
        "Proxy  Mode  State  Has  Said",
    ]


def test_of_many_proxies_those_that_need_attention_are_shown() -> None:
    proxies = tuple(proxy(f"a-{number:03}", ProxyState.SYNCED) for number in range(100))
    late = proxy("z", ProxyState.BEHIND)
    text = drawn(
        ViewState(mode="m", mode_reason="", folder="f", generation=7, proxies=(*proxies, late))
    )
    assert "shop/z" in text
    assert f"and {101 - MOST_PROXIES} more" in text


def test_user_text_is_not_markup() -> None:
    state = ViewState(
        mode="m", mode_reason="", folder="[bold]f[/bold]", generation=1, hint="[red]hint"
    )
    assert "[bold]f[/bold]" in drawn(state)
    assert "[red]hint" in drawn(state)


def test_user_text_does_not_steer_the_terminal() -> None:
    hostile = "\x1b]0;mine\x07\x1b[2J\nx"
    state = ViewState(
        mode="m",
        mode_reason=hostile,
        folder=hostile,
        generation=1,
        versions=(
            VersionRow(service=hostile, version=hostile, configured=1.0, observed=1.0, requests=1),
        ),
        testers=TesterRow(header=hostile, version=hostile, requests=1, matched=1),
        requests=1,
        failures=(hostile,),
        proxies=(
            ProxyStatus(
                pod=hostile, mode="m", state=ProxyState.REJECTED, acknowledged=0, detail=hostile
            ),
        ),
        last_edit=Edit(file=hostile, milliseconds=1.0),
        problems=(replace(BROKEN, path=hostile),),
        hint=hostile,
    )
    assert all(row.isprintable() for row in drawn(state).split("\n"))
    assert line(state).isprintable()
