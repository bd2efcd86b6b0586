"""Secrets stay out of everything that prints, logs or stores by accident."""

import copy
import io
import logging
import pickle
import traceback

import pytest

from ca.secret import PrivateKey, SecretBytes, Token

CANARY = b"canary-5f3a"


@pytest.mark.parametrize("kind", [SecretBytes, PrivateKey, Token])
def test_no_way_of_printing_shows_the_bytes(kind: type[SecretBytes]) -> None:
    secret = kind(CANARY)
    shown = f"{secret} {secret!r:>60} {[secret]} { ({1: secret}) }" + str(secret)
    assert "canary" not in shown


def test_logging_and_tracebacks_do_not_show_the_bytes() -> None:
    secret, out = Token(CANARY), io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(logging.StreamHandler(out))
    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("failed with %s", secret)
        out.write(traceback.format_exc())
    assert "canary" not in out.getvalue()


@pytest.mark.parametrize(
    "copier", [pickle.dumps, copy.copy, copy.deepcopy], ids=lambda f: f.__name__
)
def test_pickling_and_copying_are_refused(copier: object) -> None:
    assert callable(copier)
    with pytest.raises(TypeError, match="not to be pickled"):
        copier(Token(CANARY))


def test_equal_bytes_are_equal() -> None:
    assert Token(CANARY) == Token(CANARY)
    assert Token(CANARY) != Token(b"other")
    assert Token(CANARY) != CANARY
