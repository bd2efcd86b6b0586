"""Local meshes do not meet: each proxy-port run has addresses of its own."""

import ipaddress
import socket

from heddle.local.modes import RunMode
from heddle.place import place_for
from mesh.proxy import Mode


def test_two_runs_have_different_addresses() -> None:
    with place_for(RunMode.PROXY_PORT) as one, place_for(RunMode.PROXY_PORT) as two:
        assert one.gateway != two.gateway
        first, second = (ipaddress.ip_network(place.subnets.pods) for place in (one, two))
        assert not first.overlaps(second)


def test_an_address_is_free_again_once_the_run_is_over() -> None:
    with place_for(RunMode.PROXY_PORT) as one:
        gateway = one.gateway
    with place_for(RunMode.PROXY_PORT) as two:
        assert two.gateway == gateway


def test_the_gateway_is_an_address_that_a_server_can_have() -> None:
    with place_for(RunMode.PROXY_PORT) as place, socket.socket() as server:
        server.bind((str(place.gateway.ip), place.port))
        assert place.interception is Mode.NONE
        assert place.gateway.ip in ipaddress.ip_network(place.subnets.pods)


def test_in_namespaces_there_is_one_place_for_each_is_alone() -> None:
    with place_for(RunMode.NAMESPACES) as place:
        assert place.interception is Mode.REDIRECT
        assert place.gateway.ip in ipaddress.ip_network(place.subnets.pods)
