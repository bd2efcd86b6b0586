"""A root is rotated while two replicas serve: no step leaves out a proxy of either."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret

from ca.errors import NotYet
from ca.files import files_of
from ca.rotation import Phase, Rotation
from ca.storage import load
from heddle.authority_place import FolderPlace
from heddle.ca_steps import Care, Progress, progress, step
from heddle.certificates import own_authority
from heddle.local.folders import write_volume
from heddle.serve import utc_now
from tests.features.plane import Plane
from tests.features.served import Served, serving, write
from tests.features.shop import ACCOUNT, namespace, workload
from tests.features.stream import PATIENCE, Stream
from xds.types import SDS

PODS = "\n---\n".join((namespace("shop"), ACCOUNT, workload("web"), workload("api")))
WEB, API = "shop/web", "shop/api"
OWN = ("default", "ROOTCA")
NO_PAUSE = Care(pause=timedelta(0))


def roots(stream: Stream) -> list[x509.Certificate]:
    """What a proxy trusts."""
    held = Secret.FromString(stream.envoy.held[SDS]["ROOTCA"].resource.value)
    return x509.load_pem_x509_certificates(held.validation_context.trusted_ca.inline_bytes)


def issuer(stream: Stream) -> x509.Certificate:
    """Who has signed the certificate of a proxy."""
    held = Secret.FromString(stream.envoy.held[SDS]["default"].resource.value)
    chain = held.tls_certificate.certificate_chain.inline_bytes
    return x509.load_pem_x509_certificates(chain)[1]


class Mesh:
    """Two replicas, which share a folder; a proxy on each."""

    def __init__(self, folder: Path, one: Served, two: Served) -> None:
        self.place, self.one, self.two = FolderPlace(folder), one, two

    async def step(self) -> Rotation:
        """What `heddle ca rotate` does."""
        return await step(self.place, utc_now(), NO_PAUSE)

    async def until(self, condition: Callable[[Progress], bool]) -> Progress:
        """Waits until the replicas say that it is so."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await progress(self.place, utc_now())
                if condition(found):
                    return found

    async def until_late(self, *pods: str) -> None:
        """Waits until both serve the step, and these are all that are waited for."""

        def late(found: Progress) -> bool:
            said = {pod.rsplit("-", 2)[0] for pod in found.late.pods}
            return not found.late.replicas and said == {f"{pod}-v1" for pod in pods}

        await self.until(late)


@pytest.fixture
async def mesh(tmp_path: Path, plane: Plane) -> AsyncIterator[Mesh]:
    await asyncio.to_thread((tmp_path / "yaml").mkdir)
    await write(tmp_path / "yaml" / "pods.yaml", PODS)
    plane.apply(PODS)
    folder = tmp_path / "ca"
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(
                serving(tmp_path, plane, "--ca-folder", str(folder), name=name)
            )
            for name in ("one", "two")
        ]
        yield Mesh(folder, *replicas)


async def test_each_step_waits_for_the_proxies_of_all_replicas(mesh: Mesh) -> None:
    """A proxy that does not read is one that has not acknowledged."""
    async with mesh.one.stream(WEB) as web, mesh.two.stream(API) as api:
        for each in (web, api):
            await each.secrets(*OWN)
        (old,) = roots(web)
        trusting = await mesh.step()
        new = trusting.other
        assert new is not None
        await mesh.until_late(WEB, API)
        with pytest.raises(NotYet, match="2 proxies do not have this step yet: shop/api-v1"):
            await mesh.step()

        await web.until(lambda: set(roots(web)) == {old, new.root})
        await mesh.until_late(API)
        with pytest.raises(NotYet, match="1 proxy does not have this step yet: shop/api-v1"):
            await mesh.step()
        await api.until(lambda: set(roots(api)) == {old, new.root})
        await mesh.until_late()

        assert (await mesh.step()).phase is Phase.SWITCHED
        await mesh.until_late(WEB, API)
        await web.until(lambda: issuer(web) == new.certificate)
        await api.until(lambda: issuer(api) == new.certificate)
        await mesh.until_late()

        assert (await mesh.step()).phase is Phase.STABLE
        await web.until(lambda: roots(web) == [new.root])
        await api.until(lambda: roots(api) == [new.root])
        await mesh.until_late()
        written = [x509.load_pem_x509_certificates(await s.root()) for s in (mesh.one, mesh.two)]
        assert written == [[new.root], [new.root]]
    async with mesh.one.stream(WEB) as web:  # by the root file that there is now
        await web.secrets(*OWN)


async def test_the_proxies_of_a_replica_that_dies_are_waited_for(mesh: Mesh) -> None:
    async with mesh.one.stream(WEB) as web, mesh.two.stream(API) as api:
        for each in (web, api):
            await each.secrets(*OWN)
        (old,) = roots(web)
        await mesh.until_late()
        mesh.two.process.kill()
        await mesh.two.process.wait()
        await mesh.step()
        await web.until(lambda: len(roots(web)) == 2)
        await mesh.until_late(API)
        with pytest.raises(NotYet, match=r"shop/api-v1-\S+ \(is not connected\)"):
            await mesh.step()
        async with mesh.one.stream(API) as back:
            await back.secrets(*OWN)
            assert old in roots(back)
            await mesh.until_late()
            assert (await mesh.step()).phase is Phase.SWITCHED


async def test_a_mounted_authority_of_another_root_is_told_of_and_not_taken(
    tmp_path: Path, plane: Plane
) -> None:
    await asyncio.to_thread((tmp_path / "yaml").mkdir)
    await write(tmp_path / "yaml" / "pods.yaml", PODS)
    plane.apply(PODS)
    first, other = own_authority(None, utc_now()), own_authority(None, utc_now())
    folder = tmp_path / "mounted"
    await asyncio.to_thread(write_volume, folder, files_of(first))
    async with serving(tmp_path, plane, "--ca-folder", str(folder)) as served:
        async with served.stream(WEB) as web:
            await web.secrets(*OWN)
            assert roots(web) == list(first.roots)
            await asyncio.to_thread(write_volume, folder, files_of(other))
            await served.until_logged("authority not taken.*Put the old and the new root")
            both = Rotation(current=first.current, more=other.roots)
            await asyncio.to_thread(write_volume, folder, files_of(both))
            await web.until(lambda: set(roots(web)) == set(both.roots))
        assert load(folder, utc_now()) == both
