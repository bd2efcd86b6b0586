"""Marks a test with the rules of the specification that it guards."""

import pytest


def rules(*ids: str) -> pytest.MarkDecorator:
    """`@rules("X-43")`: the test's id is then `...[X-43]`."""
    return pytest.mark.parametrize("rule", ["+".join(ids)], indirect=True)
