"""A folder that is read once: its mesh, its proxies, its problems."""

from pathlib import Path

import pytest

from crds.meta import Key
from heddle.folder import read_folder
from mesh.proxy import Mode
from sources.errors import SourceError

SHOP = Path("examples/shop")


def test_the_example_has_no_problem(repo_root: Path) -> None:
    read = read_folder(repo_root / SHOP)
    assert read.problems == ()
    assert read.skipped == {}


def test_every_pod_of_the_example_has_a_proxy(repo_root: Path) -> None:
    read = read_folder(repo_root / SHOP)
    named = {f"{proxy.namespace}/{proxy.name}" for proxy in read.proxies}
    assert named == set(read.owners)
    assert "shop/reviews-v2" in read.owners.values()


def test_the_mode_decides_where_pods_are(repo_root: Path) -> None:
    read = read_folder(repo_root / SHOP, Mode.NONE)
    assert all(proxy.address.startswith("127.") for proxy in read.proxies)
    assert {proxy.mode for proxy in read.proxies} == {Mode.NONE}


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none"):
        read_folder(tmp_path / "none")


def test_problems_of_all_kinds_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("{")
    (tmp_path / "b.yaml").write_text(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        "metadata: {name: v, namespace: shop}\n"
        "spec: {hosts: [x], http: [{route: [{destination: {host: nowhere}}]}]}\n"
    )
    codes = {problem.code for problem in read_folder(tmp_path).problems}
    assert {"bad-yaml", "unknown-host"} <= codes


def test_the_line_of_each_object_and_field_is_known(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "kind: Namespace\napiVersion: v1\nmetadata:\n  labels: {}\n  name: shop\n"
    )
    read = read_folder(tmp_path)
    origin = read.origins[Key("", "Namespace", "", "shop")]
    assert origin.line == 1
    assert origin.of("metadata.name").line == 5
