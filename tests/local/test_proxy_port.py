"""The runner without privileges: real processes, as this user."""

import json
from pathlib import Path

import pytest

from heddle.local.modes import RunMode
from heddle.local.pods import Phase
from tests.fakes.clock import FakeClock
from tests.local.nodes import (
    FOREVER,
    FOREVER_SILENT,
    SERVER,
    Lines,
    alive,
    container,
    folders,
    mode_of,
    pod,
    pods,
    runner,
    text_of,
)

ROOT_PEM = b"-- root --\n"
MODE = RunMode.PROXY_PORT
PRINT = "import sys; print(sys.argv[1], flush=True);"

SHOW = """
import json, os, pathlib, sys
print(json.dumps({"env": dict(os.environ), "argv": sys.argv[1:], "cwd": os.getcwd()}), flush=True)
"""


async def test_a_pod_runs_until_it_is_not_wanted(tmp_path: Path) -> None:
    lines = Lines()
    app = container("import os; print(os.getpid(), flush=True);" + FOREVER)
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        await node.all_ready()
        pid = int((await lines.output())[0])
        assert node.ready() == {"shop/web"}
        await node.close()
        assert not alive([pid])
        assert node.statuses() == {}
    assert folders(tmp_path, "run-*") == []


async def test_reconciling_the_same_changes_nothing_and_a_new_spec_restarts(tmp_path: Path) -> None:
    lines = Lines()
    old, new = (
        pod("web", "127.126.0.1", container(PRINT + FOREVER_SILENT, version)) for version in "12"
    )
    async with runner(MODE, tmp_path, on_line=lines) as node:
        for wanted, seen in ((old, "1"), (old, "1"), (new, "12")):
            await node.reconcile(pods(wanted), {}, ROOT_PEM)
            await node.all_ready()
            assert await lines.output(len(seen)) == list(seen)


async def test_environment_and_arguments_are_expanded_as_kubernetes_does(tmp_path: Path) -> None:
    lines = Lines()
    env = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
        {"name": "URL", "value": "http://$(POD_IP):80/$$(POD_IP)/$(LATER)"},
        {"name": "LATER", "value": "x"},
    ]
    app = container(SHOW + FOREVER, "$(URL)", "$(UNKNOWN)", env=env)
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        shown = json.loads((await lines.output())[0])
    assert shown["argv"] == ["http://127.126.0.1:80/$(POD_IP)/$(LATER)", "$(UNKNOWN)"]
    assert shown["env"]["ACCOUNT"] == "web"
    assert shown["cwd"] == "/"


async def test_containers_do_not_inherit_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_USER", "canary")
    lines = Lines()
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(
            pods(pod("web", "127.126.0.1", container(SHOW + FOREVER))), {}, ROOT_PEM
        )
        assert "canary" not in (await lines.output())[0]


async def test_volumes_are_found_where_they_really_are(tmp_path: Path) -> None:
    lines = Lines()
    read = "import sys; [print(open(path).read(), flush=True) for path in sys.argv[1:]];"
    app = container(
        read + FOREVER_SILENT,
        "/var/run/heddle/root/root.pem",
        "/etc/heddle/sds/token.yaml",
        volumeMounts=[
            {"name": "root", "mountPath": "/var/run/heddle/root"},
            {"name": "sds", "mountPath": "/etc/heddle/sds"},
            {"name": "token", "mountPath": "/var/run/secrets/heddle"},
        ],
    )
    volumes = [
        {
            "name": "root",
            "configMap": {
                "name": "heddle-ca-root-cert",
                "items": [{"key": "root-cert.pem", "path": "root.pem"}],
            },
        },
        {
            "name": "sds",
            "downwardAPI": {
                "items": [
                    {
                        "path": "token.yaml",
                        "fieldRef": {"fieldPath": "metadata.annotations['heddle.io/sds']"},
                    }
                ]
            },
        },
        {
            "name": "token",
            "projected": {"sources": [{"serviceAccountToken": {"path": "token", "audience": "a"}}]},
        },
    ]
    web = pod("web", "127.126.0.1", app, volumes=volumes)
    metadata = web["metadata"]
    assert isinstance(metadata, dict)
    metadata["annotations"] = {"heddle.io/sds": "/var/run/secrets/heddle/token"}
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(pods(web), {}, ROOT_PEM)
        root, _, token_path = await lines.output(3)
        assert root == "-- root --"
        assert text_of(token_path).count(".") == 2
        assert mode_of(token_path) == 0o600
        await node.reconcile(pods(web), {}, b"-- new root --\n")
        (root_path,) = folders(tmp_path, "run-*/pods/*/volumes/root/root.pem")
        assert text_of(root_path) == "-- new root --\n"


async def test_a_token_is_replaced_in_place_after_four_fifths_of_its_life(
    tmp_path: Path, clock: FakeClock
) -> None:
    source = {"serviceAccountToken": {"path": "token", "audience": "a", "expirationSeconds": 1000}}
    app = container(FOREVER, volumeMounts=[{"name": "token", "mountPath": "/token"}])
    web = pod(
        "web",
        "127.126.0.1",
        app,
        volumes=[{"name": "token", "projected": {"sources": [source]}}],
    )
    seen = []
    async with runner(MODE, tmp_path, clock=clock) as node:
        for seconds in (0, 799, 1):
            clock.advance(seconds)
            await node.reconcile(pods(web), {}, ROOT_PEM)
            await node.all_ready()
            (path,) = folders(tmp_path, "run-*/pods/*/volumes/token/token")
            seen.append(text_of(path))
    assert seen[0] == seen[1] != seen[2]


async def test_init_containers_end_before_the_sidecar_starts_and_it_before_the_application(
    tmp_path: Path,
) -> None:
    lines = Lines()
    first = container("print('init', flush=True)") | {"name": "first"}
    sidecar = container(
        "import os, sys; print('sidecar', flush=True);"
        "os.environ['BIND'] = '127.126.0.1';" + SERVER.replace("\nimport", "import", 1),
        "18021",
        "ready",
        restartPolicy="Always",
        startupProbe={"httpGet": {"port": 18021, "path": "/"}, "failureThreshold": 600},
    ) | {"name": "proxy"}
    app = container("print('app', flush=True);" + FOREVER)
    web = pod("web", "127.126.0.1", app, initContainers=[first, sidecar])
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(pods(web), {}, ROOT_PEM)
        await node.all_ready()
        await lines.output(1)
    order = [line.container for line in lines.lines if line.text != b"up"]
    assert order[:3] == ["first", "proxy", "app"], lines.lines


async def test_a_container_that_ends_is_started_again_and_the_reason_is_told(
    tmp_path: Path,
) -> None:
    app = container("import sys; sys.exit('out of luck')")
    async with runner(MODE, tmp_path) as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        async for status in node.events():
            if status.restarts and status.problem:
                break
    assert status.problem is not None
    assert "container app ended with status 1: out of luck" in status.problem.message


async def test_an_unknown_image_is_a_problem_of_its_pod_alone(tmp_path: Path) -> None:
    good = pod("good", "127.126.0.1", container(FOREVER))
    bad = pod("bad", "127.126.0.2", container(FOREVER) | {"image": "nginx:1.27"})
    async with runner(MODE, tmp_path) as node:
        await node.reconcile(pods(good, bad), {}, ROOT_PEM)
        await node.all_ready()
        status = node.statuses()["shop/bad"]
        assert node.ready() == {"shop/good"}
    assert status.phase is Phase.FAILED
    assert status.problem is not None
    assert (status.problem.code, status.problem.value) == ("unknown-image", "nginx:1.27")
    assert "shop/bad" in str(status.problem)


async def test_readiness_follows_the_probe(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    probe = {
        "exec": {"command": ["test", "-e", str(flag)]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    app = container(FOREVER, readinessProbe=probe)
    async with runner(MODE, tmp_path / "state") as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        seen = []
        async for status in node.events():
            seen.append(status.ready)
            if status.phase is Phase.RUNNING and not status.ready and True not in seen:
                flag.touch()
            if status.ready:
                flag.unlink()
            if True in seen and not status.ready:
                break
    assert seen[0] is False
    assert seen[-2:] == [True, False]


async def test_a_container_that_fails_its_liveness_probe_is_started_again(tmp_path: Path) -> None:
    """Told to end first, as one that is not wanted any more; its next run may be better."""
    flag, lines = tmp_path / "flag", Lines()
    probe = {
        "exec": {"command": ["test", "-e", str(flag)]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    app = container(
        f"import pathlib, signal, sys, time\nflag = pathlib.Path({str(flag)!r})\n"
        "def end(*_): flag.touch(); print('told', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)\n"
        "while True: signal.pause()",
        livenessProbe={**probe, "initialDelaySeconds": 1},
    )
    async with runner(MODE, tmp_path / "state", on_line=lines) as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        assert await lines.output(3) == ["up", "told", "up"]
        assert node.statuses()["shop/web"].restarts == 1


async def test_standard_input_reaches_a_container_that_asks_for_it(tmp_path: Path) -> None:
    lines = Lines()
    app = container("for line in open(0): print('got', line.strip(), flush=True)", stdin=True)
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        await node.all_ready()
        await node.write("shop/web", "app", b"faster\n")
        assert await lines.output() == ["got faster"]


async def test_who_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    lines = Lines()
    app = container(
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(os.getpid(), flush=True);\nwhile True: signal.pause()"
    )
    async with runner(MODE, tmp_path, on_line=lines, grace=0.1) as node:
        await node.reconcile(pods(pod("web", "127.126.0.1", app)), {}, ROOT_PEM)
        pid = int((await lines.output())[0])
        await node.close()
        assert not alive([pid])


async def test_the_sidecar_outlives_the_application(tmp_path: Path) -> None:
    lines = Lines()
    slow = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.2); print('app ends', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)\nsignal.pause()"
    )
    quick = (
        "import signal, sys\n"
        "def end(*_): print('proxy ends', flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)\nsignal.pause()"
    )
    sidecar = container(quick, restartPolicy="Always") | {"name": "proxy"}
    web = pod("web", "127.126.0.1", container(slow), initContainers=[sidecar])
    async with runner(MODE, tmp_path, on_line=lines) as node:
        await node.reconcile(pods(web), {}, ROOT_PEM)
        await lines.until(lambda seen: [line.text for line in seen].count(b"up") == 2)
    assert [line.text for line in lines.lines if b"ends" in line.text] == [
        b"app ends",
        b"proxy ends",
    ]


async def test_a_pod_outside_of_loopback_is_refused(tmp_path: Path) -> None:
    async with runner(MODE, tmp_path) as node:
        await node.reconcile(pods(pod("web", "10.0.0.1", container(FOREVER))), {}, ROOT_PEM)
        await node.all_ready()
        problem = node.statuses()["shop/web"].problem
    assert problem is not None
    assert (problem.path, problem.value) == ("status.podIP", "10.0.0.1")
