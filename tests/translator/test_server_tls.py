"""Names of what comes over SDS; the goldens in translate/gateways show the messages."""

from crds.server_tls import ServerTLSmode, ServerTLSSettings
from translator.server_tls import roots_name


def test_where_no_client_is_verified_no_authorities_are_asked_for() -> None:
    tls = ServerTLSSettings(mode=ServerTLSmode.SIMPLE, credential_name="a")
    assert roots_name(tls) == ""
