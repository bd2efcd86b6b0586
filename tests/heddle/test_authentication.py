"""What the options of `heddle serve` about tokens mean together."""

from pathlib import Path

import pytest

from heddle.authentication import OfflineKeys, Review, tokens_from

KEYS, CONFIG = Path("jwks.json"), Path("config")


def test_keys_and_their_issuer() -> None:
    found = tokens_from(jwks=KEYS, issuer="i", review=False, kubeconfig=None)
    assert found == OfflineKeys(jwks=KEYS, issuer="i")


@pytest.mark.parametrize("config", [None, CONFIG])
def test_an_api_server(config: Path | None) -> None:
    found = tokens_from(jwks=None, issuer=None, review=True, kubeconfig=config)
    assert found == Review(kubeconfig=config)


@pytest.mark.parametrize("config", [None, CONFIG])
def test_the_api_server_of_a_cluster_reviews_tokens(config: Path | None) -> None:
    found = tokens_from(jwks=None, issuer=None, review=False, kubeconfig=config, cluster=True)
    assert found == Review(kubeconfig=config)


def test_keys_may_verify_tokens_of_a_cluster() -> None:
    found = tokens_from(jwks=KEYS, issuer="i", review=False, kubeconfig=CONFIG, cluster=True)
    assert found == OfflineKeys(jwks=KEYS, issuer="i")


@pytest.mark.parametrize(
    ("jwks", "issuer", "review", "config", "said"),
    [
        (None, None, False, None, "give --token-review, or --token-jwks and --token-issuer"),
        (KEYS, None, False, None, "--token-jwks and --token-issuer"),
        (None, "i", False, None, "--token-jwks and --token-issuer"),
        (KEYS, "i", True, None, "without it"),
        (None, "i", True, None, "without it"),
        (KEYS, "i", False, CONFIG, "--kubeconfig says where"),
    ],
)
def test_what_does_not_go_together(
    jwks: Path | None, issuer: str | None, review: bool, config: Path | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        tokens_from(jwks=jwks, issuer=issuer, review=review, kubeconfig=config)
