"""What is in volumes, and how they change."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from heddle.local.errors import CannotRun
from heddle.local.folders import write_volume
from heddle.local.pods import pod_facts
from heddle.local.volumes import TokenFile, Volume, refresh_after, volumes
from tests.local.nodes import container, mode_of, pod

CONFIG_MAPS = {"heddle-root": {"root.pem": "PEM", "other": "x"}}
SECRETS = {"pair": {"tls.crt": b"chain", "tls.key": b"key"}}


def _volumes(*given: Mapping[str, object]) -> Mapping[str, Volume]:
    raw = pod("web", "10.0.0.1", container(""), volumes=list(given))
    return volumes(raw, pod_facts(raw), CONFIG_MAPS, SECRETS)


def test_an_empty_dir_is_scratch_space() -> None:
    assert _volumes({"name": "tmp", "emptyDir": {}})["tmp"].scratch


def test_a_config_map_gives_all_keys_or_the_chosen_ones() -> None:
    source = {"name": "heddle-root"}
    chosen = {**source, "items": [{"key": "root.pem", "path": "certs/ca.pem"}]}
    found = _volumes({"name": "all", "configMap": source}, {"name": "one", "configMap": chosen})
    assert found["all"].texts == {"root.pem": "PEM", "other": "x"}
    assert found["one"].texts == {"certs/ca.pem": "PEM"}


def test_a_secret_gives_its_keys_by_either_of_its_names_and_is_not_shown() -> None:
    chosen = {"name": "pair", "items": [{"key": "tls.crt", "path": "chain.pem"}]}
    found = _volumes(
        {"name": "all", "secret": {"secretName": "pair"}},
        {"name": "one", "projected": {"sources": [{"secret": chosen}]}},
    )
    assert found["all"].secrets == SECRETS["pair"]
    assert found["one"].secrets == {"chain.pem": b"chain"}
    assert "chain" not in repr(found["all"])


def test_projected_sources_are_joined() -> None:
    token = {"path": "token", "audience": "heddle", "expirationSeconds": 700}
    labels = {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}
    sources = [{"serviceAccountToken": token}, {"downwardAPI": labels}]
    volume = _volumes({"name": "v", "projected": {"sources": sources}})["v"]
    assert volume.texts == {"labels": 'app="web"'}
    assert volume.tokens == (TokenFile(path="token", audience="heddle", ttl=700.0),)


def test_tokens_are_due_at_four_fifths_of_the_shortest_life() -> None:
    tokens = tuple(TokenFile(path=str(ttl), audience="a", ttl=ttl) for ttl in (3600.0, 1000.0))
    assert refresh_after(Volume(name="v", tokens=tokens)) == 800.0
    assert refresh_after(Volume(name="v")) is None


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "v", "configMap": {"name": "missing"}},
        {"name": "v", "hostPath": {"path": "/etc"}},
        {"name": "v", "secret": {"secretName": "s"}},
        {
            "name": "v",
            "configMap": {"name": "heddle-root", "items": [{"key": "root.pem", "path": "../x"}]},
        },
    ],
    ids=["no-such-config-map", "host-path", "secret", "path-leads-out"],
)
def test_what_is_not_available_is_an_error(volume: Mapping[str, object]) -> None:
    with pytest.raises(CannotRun):
        _volumes(volume)


def test_an_optional_config_map_may_be_missing() -> None:
    assert _volumes({"name": "v", "configMap": {"name": "none", "optional": True}})["v"].texts == {}


def test_files_change_together_by_one_rename(tmp_path: Path) -> None:
    """Envoy watches the folder for exactly this."""
    write_volume(tmp_path, {"a": b"1", "sub/b": b"1"})
    first = os.readlink(tmp_path / "..data")
    write_volume(tmp_path, {"a": b"2", "sub/b": b"2"})
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert os.readlink(tmp_path / "..data") != first
    assert (tmp_path / "a").read_bytes() + (tmp_path / "sub/b").read_bytes() == b"22"
    assert not (tmp_path / first).exists()


def test_equal_files_touch_nothing(tmp_path: Path) -> None:
    write_volume(tmp_path, {"a": b"1"})
    first = os.readlink(tmp_path / "..data")
    write_volume(tmp_path, {"a": b"1"})
    assert os.readlink(tmp_path / "..data") == first


def test_a_file_that_is_not_wanted_any_more_goes(tmp_path: Path) -> None:
    write_volume(tmp_path, {"a": b"1", "b": b"1"})
    write_volume(tmp_path, {"b": b"1"})
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("..")) == ["b"]


def test_the_mode_is_as_asked_for(tmp_path: Path) -> None:
    write_volume(tmp_path, {"token": b"t"}, mode=0o600)
    assert mode_of(tmp_path / "token") == 0o600
