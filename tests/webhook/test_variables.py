import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.variables import escape, expand

VALUES = {"POD_NAME": "web-0", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(POD_NAME)", "web-0"),
        ("a$(POD_NAME)b$(POD_NAME)", "aweb-0bweb-0"),
        ("$(EMPTY)", ""),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(POD_NAME)", "$(POD_NAME)"),
        ("$$$(POD_NAME)", "$web-0"),
        ("$POD_NAME $", "$POD_NAME $"),
        ("$(POD_NAME", "$(POD_NAME"),
        ("$$", "$"),
    ],
)
def test_expands_like_the_kubelet(text: str, expected: str) -> None:
    assert expand(text, VALUES) == expected


@given(st.text(alphabet="$()POD_NAMEx", max_size=40))
def test_escaped_text_survives_the_kubelet(text: str) -> None:
    assert expand(escape(text), VALUES) == text


@given(st.text(alphabet='$(){}"\\x', max_size=40))
def test_only_kept_names_are_filled_in(note: str) -> None:
    text = json.dumps({"name": "$(POD_NAME)", "note": note})
    kept = json.loads(expand(escape(text, keep=("POD_NAME",)), VALUES))
    assert kept == {"name": "web-0", "note": note}
