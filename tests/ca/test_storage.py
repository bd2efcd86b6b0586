"""An authority on disk: made once, read back whole, and refused with a way out if it is bad."""

import multiprocessing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from ca import keys, storage
from ca.authority import new_intermediate, new_root, pem, renewed
from ca.errors import AuthorityError, RotationRefused
from ca.files import files_of, rotation_from
from ca.rotation import Rotation, back, begin, forward, replaced
from ca.storage import create, edit, is_own, load, load_or_create, stamp
from heddle.local.folders import write_volume

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
    assert rotation_from(files, NOW) == Rotation(current=AUTHORITY)


def test_the_chain_may_leave_out_the_root_and_be_in_any_order() -> None:
    middle = new_intermediate(ROOT, NOW, DOMAIN)
    files = {**ISTIO, "cert-chain.pem": pem((middle.certificate, *AUTHORITY.chain[:1]))}
    assert rotation_from(files, NOW) == Rotation(current=AUTHORITY)


def test_a_root_may_sign_by_itself() -> None:
    key = keys.written(ROOT.signer).reveal()
    files = {"ca-cert.pem": pem(ROOT.chain), "ca-key.pem": key, "root-cert.pem": pem(ROOT.chain)}
    assert rotation_from(files, NOW) == Rotation(current=ROOT)


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
        rotation_from(files, NOW)


def test_an_authority_is_made_once_and_then_found(tmp_path: Path) -> None:
    made = load_or_create(tmp_path / "ca", NOW, DOMAIN)
    assert load_or_create(tmp_path / "ca", NOW, DOMAIN) == made
    assert len(made.current.chain) == 2


def _create(folder: str, found: "multiprocessing.Queue[bytes]") -> None:
    made = load_or_create(Path(folder), NOW, DOMAIN)
    found.put(made.current.certificate.public_bytes(serialization.Encoding.DER))


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


def signed_anew(found: Rotation) -> Rotation:
    return replaced(found, renewed(found.current, NOW))


def test_a_new_authority_replaces_the_old_one_and_leaves_nothing(tmp_path: Path) -> None:
    made = load_or_create(tmp_path, NOW, DOMAIN)
    before = set(contents(tmp_path))
    after = edit(tmp_path, NOW, signed_anew)
    assert load(tmp_path, NOW) == after
    assert after.current.root == made.current.root
    assert after.current.certificate != made.current.certificate
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

    with monkeypatch.context() as patched:
        patched.setattr(storage, "_write", dies)
        with pytest.raises(OSError, match="power"):
            edit(tmp_path, NOW, signed_anew)
    assert load(tmp_path, NOW) == made
    edit(tmp_path, NOW, signed_anew)
    assert len(list(tmp_path.glob("version-*"))) == 1


def test_who_makes_no_intermediates_does_not_get_the_roots_key(tmp_path: Path) -> None:
    made = load_or_create(tmp_path, NOW, DOMAIN)
    assert made.current.root_signer is None
    with pytest.raises(AuthorityError, match="make the intermediate where it is kept"):
        renewed(made.current, NOW)


def test_a_roots_key_that_was_taken_away_stays_away(tmp_path: Path) -> None:
    load_or_create(tmp_path, NOW, DOMAIN)
    (tmp_path / "current" / "root-key.pem").unlink()
    edit(tmp_path, NOW, lambda found: begin(found, OTHER, NOW))
    assert not (tmp_path / "current" / "root-key.pem").exists()
    with pytest.raises(AuthorityError, match="make the intermediate where it is kept"):
        edit(tmp_path, NOW, signed_anew)


OTHER = new_intermediate(new_root(NOW, DOMAIN), NOW, DOMAIN)
TRUSTING = begin(Rotation(current=AUTHORITY), OTHER, NOW)
STATES = {
    "stable": Rotation(current=AUTHORITY),
    "trusting": TRUSTING,
    "switched": forward(TRUSTING, (), NOW),
    "returned": back(forward(TRUSTING, (), NOW), (), NOW),
    "joined": Rotation(current=AUTHORITY, more=(OTHER.root,)),
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_every_step_survives_a_restart(tmp_path: Path, state: Rotation) -> None:
    create(tmp_path, state, NOW)
    assert load(tmp_path, NOW) == state


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_every_step_is_read_from_a_mounted_secret(tmp_path: Path, state: Rotation) -> None:
    """The same files, flat, behind the link that the kubelet moves."""
    write_volume(tmp_path, files_of(state))
    assert load(tmp_path, NOW) == state
    assert not is_own(tmp_path)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"phase": "new"}', b'{"phase":"stable","since":1}']
)
def test_a_state_that_nobody_wrote_is_refused(text: bytes) -> None:
    with pytest.raises(AuthorityError, match=r"rotation\.json is not what"):
        rotation_from({**ISTIO, "rotation.json": text}, NOW)


def test_half_a_rotation_is_refused_with_the_files_that_are_missing() -> None:
    files = {**files_of(TRUSTING), "other-ca-key.pem": b""}
    del files["other-ca-key.pem"]
    with pytest.raises(AuthorityError, match=r"other-ca-key\.pem missing"):
        rotation_from(files, NOW)


def test_another_roots_key_is_refused() -> None:
    with pytest.raises(AuthorityError, match="is not the key of the root"):
        rotation_from({**ISTIO, "root-key.pem": KEY}, NOW)


def test_an_authority_is_not_made_over_another(tmp_path: Path) -> None:
    made = load_or_create(tmp_path, NOW, DOMAIN)
    with pytest.raises(AuthorityError, match="there is an authority already"):
        create(tmp_path, STATES["stable"], NOW)
    assert load(tmp_path, NOW) == made


def test_what_somebody_else_has_put_there_is_only_read(tmp_path: Path) -> None:
    for name, body in ISTIO.items():
        (tmp_path / name).write_bytes(body)
    before = contents(tmp_path)
    assert load_or_create(tmp_path, NOW, DOMAIN) == Rotation(current=AUTHORITY)
    with pytest.raises(AuthorityError, match="was not made by `heddle ca init`"):
        edit(tmp_path, NOW, signed_anew)
    assert contents(tmp_path) == before


def test_a_refused_change_leaves_all_as_it_was(tmp_path: Path) -> None:
    made = load_or_create(tmp_path, NOW, DOMAIN)
    before = stamp(tmp_path)
    with pytest.raises(RotationRefused):
        edit(tmp_path, NOW, lambda found: forward(found, (), NOW))
    assert load(tmp_path, NOW) == made
    assert stamp(tmp_path) == before


def test_each_change_has_another_stamp(tmp_path: Path) -> None:
    seen = {stamp(tmp_path)}
    load_or_create(tmp_path, NOW, DOMAIN)
    seen.add(stamp(tmp_path))
    edit(tmp_path, NOW, signed_anew)
    assert len(seen | {stamp(tmp_path)}) == 3


def test_a_mounted_secret_that_is_exchanged_has_another_stamp(tmp_path: Path) -> None:
    write_volume(tmp_path, ISTIO)
    before = stamp(tmp_path)
    write_volume(tmp_path, CERT_MANAGER)
    assert stamp(tmp_path) != before


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
