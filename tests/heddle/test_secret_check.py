"""A Secret that Envoy would refuse keeps its last good version, and what is in it stays there."""

import pytest

from crds.meta import Key
from crds.secret import Secret
from heddle.intake import Intake
from tests.certificates import certificate, ec_key, private
from tests.heddle.events import applied
from tests.meshes import secret

KEY = Key("", "Secret", "shop", "cert")
GOOD = {"tls_crt": certificate(ec_key()), "tls_key": private(ec_key())}
TLS = "type: kubernetes.io/tls\n"


def stored(intake: Intake) -> Secret | None:
    found = intake.store.objects().get(KEY)
    return found if isinstance(found, Secret) else None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({**GOOD, "tls_key": private(ec_key(1))}, "does not belong"),
        ({**GOOD, "ca_crt": b"x"}, "authorities are not PEM"),
        ({**GOOD, "ca_crl": b"x"}, "revoked certificates is not PEM"),
    ],
    ids=["pair", "roots", "revoked"],
)
@pytest.mark.parametrize("kind", [TLS, ""], ids=["tls", "generic"])
def test_the_last_good_version_stays(wrong: dict[str, bytes], said: str, kind: str) -> None:
    intake = Intake()
    intake.apply(applied(secret("cert", "shop", **wrong) + kind))
    assert stored(intake) is None
    intake.apply(applied(secret("cert", "shop", **GOOD) + kind))
    good = stored(intake)
    assert good is not None
    intake.apply(applied(secret("cert", "shop", **wrong) + kind))
    assert stored(intake) == good
    (problem,) = intake.problems()
    assert (problem.code, problem.object) == ("bad-certificate", KEY)
    assert said in str(problem)
    assert "last good" in str(problem)
    intake.apply(applied(secret("cert", "shop", **GOOD) + kind))
    assert intake.problems() == ()


def test_half_a_pair_is_said_of_what_is_for_tls() -> None:
    intake = Intake()
    intake.apply(applied(secret("cert", "shop", tls_crt=GOOD["tls_crt"]) + TLS))
    assert [problem.path for problem in intake.problems()] == ["data[tls.key]"]
    intake.apply(applied(secret("cert", "shop", tls_key=GOOD["tls_key"]) + TLS))
    assert [problem.path for problem in intake.problems()] == ["data[tls.crt]"]


def test_a_secret_for_something_else_is_none_of_our_business() -> None:
    intake = Intake()
    intake.apply(applied(secret("cert", "shop", key=b"of an API", password=b"x")))
    assert intake.problems() == ()
