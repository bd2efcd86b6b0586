"""An authority on disk: made once, read back whole, and refused with a way out if it is bad."""

import multiprocessing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ca import keys, storage
from ca.authority import new_intermediate, new_root, pem
from ca.errors import AuthorityError
from ca.storage import authority_from, load, load_or_create, root_of, save

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DOMAIN = "cluster.local"
ROOT = new_root(NOW, DOMAIN)
AUTHORITY = new_intermediate(ROOT, NOW, DOMAIN)
KEY = keys.written(AUTHORITY.signer).reveal()
ISTIO: Mapping[str, bytes] = {
    "ca-cert.pem": pem(AUTHORITY.chain[:1]),
    "ca-key.pem": KEY,
    "cert-chain.pem": pem(AUTHORITY.chain),
    "root-cert.pem": pem((ROOT.certificate,)),
}
CERT_MANAGER: Mapping[str, bytes] = {
    "tls.crt": pem(AUTHORITY.chain[:1]),
    "tls.key": KEY,
    "ca.crt": pem((ROOT.certificate,)),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


@pytest.mark.parametrize("files", [ISTIO, CERT_MANAGER], ids=["istio", "cert-manager"])
def test_a_plugged_in_authority_is_read(files: Mapping[str, bytes]) -> None:
    assert authority_from(files, NOW) == AUTHORITY


def test_the_chain_may_leave_out_the_root_and_be_in_any_order() -> None:
    middle = new_intermediate(ROOT, NOW, DOMAIN)
    files = {**ISTIO, "cert-chain.pem": pem((middle.certificate, *AUTHORITY.chain[:1]))}
    assert authority_from(files, NOW) == AUTHORITY


def test_a_root_may_sign_by_itself() -> None:
    key = keys.written(ROOT.signer).reveal()
    files = {"ca-cert.pem": pem(ROOT.chain), "ca-key.pem": key, "root-cert.pem": pem(ROOT.chain)}
    assert authority_from(files, NOW) == ROOT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ca-key.pem": None}, "ca-key.pem missing"),
        ({"root-cert.pem": None}, "root-cert.pem missing"),
        ({"ca-cert.pem": b"x"}, "ca-cert.pem holds no certificates"),
        ({"ca-key.pem": b"x"}, "not an unencrypted private key"),
        ({"ca-key.pem": keys.written(ROOT.signer).reveal()}, "does not belong to the certificate"),
        (
            {"root-cert.pem": pem((new_root(NOW, DOMAIN).certificate,))},
            "does not lead to a certificate of root-cert.pem",
        ),
        (
            {
                "root-cert.pem": pem((new_root(NOW, DOMAIN).certificate,)),
                "cert-chain.pem": None,
            },
            "whose certificate is missing",
        ),
    ],
    ids=["no-key", "no-root", "no-pem", "bad-key", "other-key", "other-root", "gap"],
)
def test_what_cannot_be_used_is_refused_with_the_files_name(
    change: Mapping[str, bytes | None], reason: str
) -> None:
    files = {name: body for name, body in {**ISTIO, **change}.items() if body is not None}
    with pytest.raises(AuthorityError, match=reason):
        authority_from(files, NOW)


def test_an_authority_is_made_once_and_then_found(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "ca", NOW, DOMAIN)
    assert load_or_create(tmp_path / "ca", NOW, DOMAIN) == made
    assert len(made.chain) == 2


def _create(folder: str, found: "multiprocessing.Queue[bytes]") -> None:
    made = load_or_create(Path(folder), NOW, DOMAIN)
    found.put(made.certificate.public_bytes(serialization.Encoding.DER))


def test_processes_that_start_at_once_agree_on_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[bytes] = context.Queue()
    started = [context.Process(target=_create, args=(str(tmp_path), found)) for _ in range(3)]
    for each in started:
        each.start()
    assert len({found.get(timeout=60) for _ in started}) == 1
    for each in started:
        each.join()


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    load_or_create(tmp_path, NOW, DOMAIN)
    secrets = [each for each in tmp_path.rglob("*-key.pem") if each.is_file()]
    assert len(secrets) == 2
    assert {each.stat().st_mode & 0o777 for each in secrets} == {0o600}


def test_a_new_authority_replaces_the_old_one_and_leaves_nothing(tmp_path: Path) -> None:
    load_or_create(tmp_path, NOW, DOMAIN)
    before = set(contents(tmp_path))
    save(tmp_path, AUTHORITY)
    assert load(tmp_path, NOW) == AUTHORITY
    assert len(contents(tmp_path)) == len(before)


def test_a_crash_in_the_middle_of_a_change_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = load_or_create(tmp_path, NOW, DOMAIN)
    write = storage._write

    def dies(path: Path, content: bytes, *, secret: bool = False) -> None:
        if secret:
            raise OSError("the power is gone")
        write(path, content, secret=secret)

    monkeypatch.setattr(storage, "_write", dies)
    with pytest.raises(OSError, match="power"):
        save(tmp_path, AUTHORITY)
    assert load(tmp_path, NOW) == made


def test_the_root_makes_another_intermediate(tmp_path: Path) -> None:
    made = load_or_create(tmp_path, NOW, DOMAIN)
    root = root_of(tmp_path, NOW)
    assert new_intermediate(root, NOW, DOMAIN).root == made.root


def test_without_the_roots_key_the_error_says_where_to_go(tmp_path: Path) -> None:
    load_or_create(tmp_path, NOW, DOMAIN)
    (tmp_path / "root-key.pem").unlink()
    with pytest.raises(AuthorityError, match="make the intermediate where the root's key is kept"):
        root_of(tmp_path, NOW)


def test_an_empty_folder_has_no_authority(tmp_path: Path) -> None:
    assert load(tmp_path, NOW) is None


def test_an_expired_authority_is_refused_by_its_folder(tmp_path: Path) -> None:
    load_or_create(tmp_path, NOW, DOMAIN)
    with pytest.raises(AuthorityError, match=f"{tmp_path}: the authority is valid from"):
        load(tmp_path, NOW + timedelta(days=4000))


def test_a_file_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "ca-cert.pem").write_bytes(b"x" * (1 << 21))
    with pytest.raises(AuthorityError, match="larger than"):
        load(tmp_path, NOW)


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca-cert.pem").write_bytes(b"")

    def refuses(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(storage, "_read", refuses)
    with pytest.raises(AuthorityError, match=f"{tmp_path}: Permission denied"):
        load(tmp_path, NOW)
