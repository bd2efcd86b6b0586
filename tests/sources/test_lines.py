"""The line of a field: its key's, an item's, or that of what it would be in."""

import pytest

from crds.meta import Key, Origin
from crds.problem import error
from sources.folder import Folder
from sources.lines import DocumentLines

KEY = Key("networking.istio.io", "VirtualService", "shop", "v")

TEXT = """---
# a comment
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: v
  namespace: shop
  labels: {app: web, app.kubernetes.io/name: &name web}
spec:
  hosts: [web,
    other]
  http:
  - &first
    match:
    - uri:
        prefix: /a
    route:
    - destination:
        host: web
        subset: v9
  - <<: *first
    "timeout":
      1s
"""

CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |  # the mesh's
    # a comment
    outboundTrafficPolicy:
      mode: NO
  folded: >
    a:

    b: 1
  broken: |
    a: [
  empty: |
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("spec", 9),
        ("spec.hosts", 10),
        ("spec.hosts[0]", 10),
        ("spec.hosts[1]", 11),
        ("spec.http[0]", 13),
        ("spec.http[0].match[0].uri.prefix", 16),
        ("spec.http[0].route[0].destination.subset", 20),
        ("spec.http[1].timeout", 22),
        ("metadata.labels.app", 8),
        ("metadata.labels.app.kubernetes.io/name", 8),
        ("spec.http[0].retries.attempts", 13),
        ("spec.http[7]", 12),
        ("spec.http[1].match[0]", 21),
        ("spec.hosts[0].host", 10),
        ("spec.hosts.host", 10),
    ],
)
def test_a_field_is_found(path: str, line: int) -> None:
    assert DocumentLines(TEXT, 1, KEY).line(path) == line
    assert DocumentLines(TEXT, 101, KEY).line(path) == line + 100


def test_what_has_no_line() -> None:
    assert DocumentLines(TEXT, 1, KEY).line("status.conditions") is None
    assert DocumentLines("a: [", 1, KEY).line("a") is None
    assert DocumentLines("web", 1, KEY).line("spec") is None


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("data.mesh.outboundTrafficPolicy.mode", 8),
        ("data.mesh.unknown", 5),
        ("data.folded.b", 9),
        ("data.broken.a", 13),
        ("data.empty.a", 15),
    ],
)
def test_yaml_in_a_text_has_lines_too(path: str, line: int) -> None:
    key = Key("", "ConfigMap", "istio-system", "istio")
    assert DocumentLines(CONFIG, 1, key).line(path) == line


def test_an_item_of_a_list_is_found() -> None:
    items = "\n".join(
        f"- apiVersion: v1\n  kind: Service\n  metadata: {{name: s{n}, namespace: shop}}\n  spec:\n"
        f"    ports: []"
        for n in range(3)
    )
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}\n"
    assert DocumentLines(text, 1, Key("", "Service", "shop", "s2")).line("spec.ports") == 18
    json = '{"kind": "List", "items": [\n{"apiVersion": "v1", "kind": "Service",\n"metadata":\n'
    json += '{"name": "s0", "namespace": "shop"}}]}'
    assert DocumentLines(json, 1, Key("", "Service", "shop", "s0")).line("metadata.name") == 4


def test_a_problem_says_the_line_of_its_field() -> None:
    origin = Origin("a.yaml", 1, 3, DocumentLines(TEXT, 1, KEY))
    problem = error("unknown-subset", "spec.http[0].route[0].destination.subset", "is not there")
    assert str(problem.at(origin)).startswith("error[unknown-subset] a.yaml:20 (document 1): ")
    assert problem.at(origin).place == Origin("a.yaml", 1, 20)
    assert problem.place is None
    assert error("bad", "", "is bad").at(origin).place == Origin("a.yaml", 1, 3)


def test_the_text_never_shows() -> None:
    text = TEXT.replace("web", "hunter2")
    origin = Origin("a.yaml", 1, 3, DocumentLines(text, 1, KEY))
    assert "hunter2" not in repr(origin) + str(origin) + repr(origin.lines)


def test_a_shift_within_a_document_is_a_move() -> None:
    """An edit that changes no object may still move its fields."""
    folder = Folder()
    state = folder.read("a.yaml", TEXT.encode())
    folder.take({"a.yaml": state}, ())
    shifted = TEXT.replace("  http:\n", "  # the routes\n  http:\n")
    (moved,) = folder.take({"a.yaml": folder.read("a.yaml", shifted.encode())}, ())
    assert moved.origin.of("spec.http[0]").line == 14  # type: ignore[union-attr]  # a `Moved`
