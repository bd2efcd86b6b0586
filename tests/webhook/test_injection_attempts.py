"""What an author writes into a pod never becomes more than the option that it is for: no privilege,
no command, no file, whatever the annotation and whatever the text (C9).
"""

import json
import re
from collections.abc import Iterator, Mapping

import pytest

from crds.meta import Key
from tests.security_rows import guards
from tests.webhook.pods import MESH, pod, settings
from webhook import raw, sidecar
from webhook.annotations import options
from webhook.inject import Injected, inject
from webhook.variables import expand

ATTEMPTS = (
    "$(cat /etc/shadow)",
    "$(POD_NAME)",
    "`id`",
    "8080; id",
    "8080 -j ACCEPT",
    "8080\n-A OUTPUT -j ACCEPT",
    "8080\nEOF\nid\ncat <<'EOF'",
    "10.0.0.0/8 -j ACCEPT",
    "eth0 -j ACCEPT",
    "eth0\nEOF\nid",
    "'; id; '",
    '"], "securityContext": {"privileged": true}, "x": ["',
    "{{ .Values.privileged }}",
    "${IFS}id",
    "--config-path /etc/passwd",
    "info --admin-address-path /x",
    "info,--log-path:debug",
    "upstream:debug --restart-epoch 1",
    "envoy:v1\nprivileged: true",
    "../../../etc/passwd",
    "{concurrency: 2, privileged: true}",
    "!!python/object/apply:os.system [id]",
    "concurrency: &a [*a]",
    "concurrency: 99999999999999999999",
    "8080,८०८०",
    "0x1F90",
    "1e400",
    "-1",
    "\x00",
    "\ud800",
    "a" * 1_000_000,
    "1," * 100_000,
)


class Recorder(dict[str, str]):
    """Annotations that remember which were asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return False


def annotations() -> list[str]:
    """Every annotation that the injector reads."""
    recorder = Recorder()
    options(Key("", "Pod", "shop", "web"), recorder, settings())
    return sorted({*recorder.asked, "sidecar.istio.io/inject", "sidecar.istio.io/status"})


def test_all_annotations_are_found() -> None:
    assert len(annotations()) > 20


def ours(result: Injected) -> Mapping[str, Mapping[str, object]]:
    """The containers that were added, without what annotations are for."""
    free = ("args", "image", "resources", "readinessProbe", "startupProbe")
    return {
        raw.text(container.get("name")): {k: v for k, v in container.items() if k not in free}
        for container in raw.containers(result.pod)
        if container.get("name") in sidecar.CONTAINERS
    }


def arguments(result: Injected, name: str) -> list[str]:
    found = next(c for c in raw.containers(result.pod) if c.get("name") == name)["args"]
    assert isinstance(found, list)
    return found


RULE = re.compile(r"-A HEDDLE_[A-Z_]+( !?-{0,2}[a-z0-9A-Z:./_@+-]+| !)+")


def shell(result: Injected) -> list[str]:
    """The lines of the init container's script that are no rules of iptables."""
    (script,) = arguments(result, sidecar.INIT)
    return [line for line in script.splitlines() if not RULE.fullmatch(line)]


FLAGS = ("--config-yaml", "--concurrency", "--drain-time-s", "--drain-strategy", "--log-level")
MORE = ("--component-log-level",)


def flags(result: Injected) -> Iterator[str]:
    """The flags of Envoy, each with one value but for the last."""
    found = arguments(result, sidecar.PROXY)
    assert found.pop() == "--disable-hot-restart"
    assert len(found) % 2 == 0
    yield from found[::2]


BASELINE = inject(pod(), MESH, settings())


@guards("C9")
@pytest.mark.parametrize("name", annotations())
def test_an_annotation_is_no_more_than_its_option(name: str) -> None:
    for text in ATTEMPTS:
        result = inject(pod(annotations={name: text}), MESH, settings())
        if result.refused or result.skipped:
            assert result.pod == pod(annotations={name: text})
            continue
        assert ours(result).items() <= ours(BASELINE).items(), text
        assert raw.spec(result.pod).keys() == raw.spec(BASELINE.pod).keys()
        assert raw.spec(result.pod)["volumes"] == raw.spec(BASELINE.pod)["volumes"]
        if sidecar.INIT in ours(result):
            assert shell(result) == shell(BASELINE), text
        assert set(flags(result)) <= {*FLAGS, *MORE}
        _, bootstrap, *_ = arguments(result, sidecar.PROXY)
        assert json.loads(expand(bootstrap, {})), text


@guards("C9")
@pytest.mark.parametrize("text", ATTEMPTS[:-2], ids=lambda text: repr(text[:20]))
def test_a_probe_is_no_more_than_a_probe(text: str) -> None:
    """Its path, its service and its container's name become part of the bootstrap."""
    container = {
        "name": text,
        "image": "web",
        "livenessProbe": {"httpGet": {"path": text, "port": 8080}},
        "readinessProbe": {"grpc": {"port": 9000, "service": text}},
        "startupProbe": {"tcpSocket": {"port": text}},
    }
    result = inject(pod(spec={"containers": [container]}), MESH, settings())
    assert not result.refused
    assert ours(result) == ours(BASELINE)
    assert shell(result) == shell(BASELINE)
    assert list(flags(result)) == list(FLAGS)
    _, bootstrap, *_ = arguments(result, sidecar.PROXY)
    given = json.loads(expand(bootstrap, {}))
    assert given.keys() == {"node", "admin", "probes"}


@guards("C9")
@pytest.mark.parametrize("text", ATTEMPTS[:-2], ids=lambda text: repr(text[:20]))
def test_a_label_is_no_more_than_a_name(text: str) -> None:
    """It names the cluster of the proxy."""
    result = inject(pod(labels={"app": text}), MESH, settings())
    assert ours(result) == ours(BASELINE)
    _, bootstrap, *_ = arguments(result, sidecar.PROXY)
    assert json.loads(expand(bootstrap, {})).keys() == {"node", "admin"}
