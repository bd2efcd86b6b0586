"""A certificate that somebody else keeps."""

from pathlib import Path

import pytest

from heddle.certificate_files import CertificateFiles
from tests.certificates import pair


def write(folder: Path, chain: bytes, key: bytes) -> None:
    """As the kubelet does: a new folder, and a link that leads there at once."""
    number = len(list(folder.iterdir()))
    made = folder / f"..{number}"
    made.mkdir()
    (made / "tls.crt").write_bytes(chain)
    (made / "tls.key").write_bytes(key)
    link = folder / "..new"
    link.symlink_to(made.name)
    link.replace(folder / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def test_a_new_certificate_is_shown_and_the_same_one_is_the_same_object(tmp_path: Path) -> None:
    write(tmp_path, *pair())
    files = CertificateFiles(tmp_path)
    first = files.current()
    assert (first.chain, first.key) == pair()
    assert files.current() is first
    write(tmp_path, *pair(1))
    assert files.current().chain == pair(1)[0]


def test_what_is_no_certificate_leaves_the_last_in_force(tmp_path: Path) -> None:
    write(tmp_path, *pair())
    files = CertificateFiles(tmp_path)
    write(tmp_path, b"no", b"no")
    assert files.current().chain == pair()[0]
    (tmp_path / "tls.key").unlink()
    assert files.current().chain == pair()[0]


def test_a_key_of_another_certificate_is_refused_at_start(tmp_path: Path) -> None:
    write(tmp_path, pair()[0], pair(1)[1])
    with pytest.raises(ValueError, match=r"tls\.crt and tls\.key are no certificate"):
        CertificateFiles(tmp_path)
