import pytest

from crds.service_entry import ServiceEntry
from tests.crds.specs import decoded, told

HTTP = "ports: [{number: 80, name: http, protocol: HTTP}]"
TCP = "ports: [{number: 80, name: tcp, protocol: tcp}]"


def entry(spec: str) -> list[str]:
    return [line.replace("spec.", "") for line in told(decoded("ServiceEntry", spec))]


@pytest.mark.parametrize(
    "spec",
    [
        f"{{hosts: [a.b], {HTTP}, resolution: DNS, location: MESH_EXTERNAL}}",
        f"{{hosts: [a.b, c.d], {HTTP}, resolution: STATIC, endpoints: [{{address: 10.0.0.1}}]}}",
        f"{{hosts: [a.b], {TCP}, addresses: [10.0.0.0/8]}}",
        f"{{hosts: ['*.b', c.d], {TCP}}}",
        f"{{hosts: [a.b], {HTTP}, resolution: STATIC, workloadSelector: {{labels: {{a: b}}}}}}",
        f"{{hosts: [a.b], {HTTP}, resolution: DNS,"
        " endpoints: [{address: c.d, ports: {http: 8080}}]}",
        "{hosts: ['*.b'], ports: [{number: 443, name: tls, protocol: TLS}], resolution: STATIC,"
        " workloadSelector: {}}",
        f"{{hosts: [a.b], {HTTP}, resolution: STATIC, endpoints: [{{address: 'unix:///a/b'}}]}}",
        f"{{hosts: [a.b], {HTTP}, exportTo: ['~']}}",
        "{hosts: [a.b]}",
    ],
)
def test_good_entries(spec: str) -> None:
    assert entry(spec) == []


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{}", ["no-hosts hosts"]),
        ("{hosts: ['*', a_b, a.b, a.b]}",
         ["bad-host hosts[0]", "bad-host hosts[1]", "duplicate hosts[3]"]),
        (f"{{hosts: [a.b, c.d], {TCP}, resolution: DNS}}", ["bad-host hosts"]),
        (f"{{hosts: [a.b], {HTTP}, addresses: [x]}}", ["bad-subnet addresses[0]"]),
        (f"{{hosts: [a.b], {HTTP}, resolution: DNS, addresses: [10.0.0.0/8, 10.0.0.1]}}",
         ["bad-address addresses[0]"]),
        ("{hosts: [a.b], ports: [{number: 80, name: a}, {number: 80, name: a},"
         " {name: A, targetPort: 70000, protocol: HTP}]}",
         ["bad-port ports[2].number", "bad-port ports[2].targetPort", "bad-name ports[2].name",
          "bad-protocol ports[2].protocol", "duplicate ports[1].number",
          "duplicate ports[1].name"]),
        (f"{{hosts: [a.b], {HTTP}, endpoints: [{{address: 10.0.0.1}}]}}",
         ["bad-endpoints endpoints"]),
        (f"{{hosts: [a.b], {HTTP}, resolution: STATIC, workloadSelector: {{labels: {{a: '-'}}}},"
         " endpoints: [{address: a.b, ports: {grpc: 0}}]}",
         ['bad-port endpoints[0].ports["grpc"]', 'unknown-port endpoints[0].ports["grpc"]',
          "bad-address endpoints[0].address", "one-of spec",
          'bad-label workloadSelector.labels["a"]']),
        (f"{{hosts: [a.b], {HTTP}, resolution: STATIC}}", ["~no-endpoints endpoints"]),
        (f"{{hosts: [a.b], {HTTP}, resolution: DNS, endpoints: [{{address: 'unix:///a'}}]}}",
         ["bad-address endpoints[0].address"]),
        (f"{{hosts: ['*.b'], {HTTP}, resolution: DNS}}", ["bad-host hosts[0]"]),
        (f"{{hosts: [a.b], {HTTP}, resolution: DNS_ROUND_ROBIN,"
         " endpoints: [{address: a.b}, {address: c.d}]}", ["bad-endpoints endpoints"]),
        (f"{{hosts: [a.b], {TCP}, resolution: DYNAMIC_DNS, endpoints: [{{address: a.b}}]}}",
         ["bad-endpoints endpoints", "bad-host hosts[0]",
          "bad-protocol ports[0].protocol"]),
        (f"{{hosts: [a.b], {HTTP}, resolution: DYNAMIC}}", ["bad-enum resolution"]),
        (f"{{hosts: ['*.b'], {HTTP}, resolution: DYNAMIC_DNS}}", []),
        ("{hosts: ['*.b'], addresses: [10.0.0.1], resolution: DYNAMIC_DNS,"
         " ports: [{number: 80, targetPort: 81, name: http, protocol: HTTP}]}",
         ["~no-effect addresses", "~no-effect ports[0].targetPort"]),
    ],
    ids=lambda value: str(value)[:70],
)  # fmt: skip
def test_bad_entries(spec: str, problems: list[str]) -> None:
    assert entry(spec) == problems


def test_endpoints_are_workload_entries_without_a_name() -> None:
    found = decoded("ServiceEntry", f"{{hosts: [a.b], {HTTP}, resolution: STATIC,"
                    " endpoints: [{address: 10.0.0.1, meta: {}}]}")  # fmt: skip
    assert told(found) == ["~unknown-field spec.endpoints[0].meta"]
    assert isinstance(found.object, ServiceEntry)
    assert found.object.endpoints[0].meta.name == ""


@pytest.mark.parametrize(
    ("spec", "problems"),
    [
        ("{address: 10.0.0.1, ports: {http: 80}, labels: {a: b}}", []),
        ("{address: a.b}", []),
        ("{network: n}", ["~not-translated network"]),
        ("{address: 'unix://@a'}", []),
        ("{}", ["no-address address"]),
        ("{address: a_b, labels: {'a b': c}, ports: {http: 70000}}",
         ["bad-host address", 'bad-port ports["http"]', 'bad-label labels["a b"]']),
        ("{address: 'unix://a', ports: {http: 80}}", ["bad-address address", "bad-port ports"]),
    ],
)  # fmt: skip
def test_workload_entries(spec: str, problems: list[str]) -> None:
    found = told(decoded("WorkloadEntry", spec))
    assert [line.replace("spec.", "") for line in found] == [
        line.replace("spec.", "") for line in problems
    ]
