"""Routes that ask for what a token says (S-65)."""

import pytest

from explain.request import Request
from explain.simulate import decide
from tests.translations import translations
from translator.translate import in_place

Claims = dict[str, object]


@pytest.mark.parametrize(
    ("user", "claims", "routed"),
    [
        ("ab", {"groups": "admin"}, True),
        ("ab", {"groups": ["x", "admin"]}, True),
        ("xb", {"groups": "admin"}, False),
        ("ab", {"groups": "administrator"}, False),
        ("ab", {"groups": "admin", "a.b": {"c": "x1"}}, False),
        ("ab", {"groups": "admin", "a": {"b": {"c": "x1"}}}, True),
        ("", {"realm": {"role": 5}}, True),
        ("", {"realm": "role"}, False),
        ("ab", {}, False),
    ],
    ids=str,
)
def test_a_route_is_for_those_whose_token_says_so(user: str, claims: Claims, routed: bool) -> None:
    config = in_place(translations()["request_authentication/claims"].config())
    (routes,) = config.routes
    headers = {"x-user": user} if user else {}
    outcome = decide(routes, Request(authority="shop.test", headers=headers, claims=claims))
    assert (outcome.route == "group") is routed
