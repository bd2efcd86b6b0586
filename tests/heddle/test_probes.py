"""What a kubelet is told."""

import aiohttp

from heddle.probes import probes


async def test_ready_is_who_has_read_everything() -> None:
    read = False
    async with probes("127.0.0.1", 0, lambda: read) as port, aiohttp.ClientSession() as session:

        async def asked(path: str) -> int:
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                return response.status

        assert [await asked("/healthz"), await asked("/ready")] == [200, 503]
        read = True
        assert [await asked("/healthz"), await asked("/ready")] == [200, 200]
        assert await asked("/other") == 404
