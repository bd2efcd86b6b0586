"""Folders as they are found: each file that is none is told of by its name, and harms no other."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from heddle.main import app

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{port: 80%s}]}\n"
ODD = {
    b"alias.yaml": b"a: &a [x, *a]\n",
    b"binary.yaml": bytes(range(256)),
    b"cut.json": b'{"apiVersion": "v1",',
    b"deep.yaml": b"[" * 20_000,
    b"key-twice.yaml": b"apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}\n",
    b"no-name.yaml": b"apiVersion: v1\nkind: Service\nmetadata: null\nspec: null\n",
    b"number.yaml": b"7\n",
    b"nul.yaml": b"a: b\n\x00\n",
    b"tab.yaml": b"metadata:\n\tname: a\n",
    b"tag.yaml": b"!!python/object/apply:os.system [id]\n",
    b"template.yaml": b"metadata:\n  name: {{ .Values.name }}\n",
    b"two\xff.yaml": b"a: [",
    b"utf-16.yaml": "a: b".encode("utf-16"),
    b"values.yaml": b"replicas: 3\n",
}
FINE = {
    b"bom.yaml": b"\xef\xbb\xbf" + (SERVICE % ("bom", ", name: http")).encode(),
    b"crlf.yaml": (SERVICE % ("crlf", ", name: http")).replace("\n", "\r\n").encode(),
    b"comments.yaml": b"---\n# nothing\n---\n",
    b"empty.yaml": b"",
    b"kustomization.yaml": b"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
    b"lines.yaml": (SERVICE % ("lines", "")).replace("\n", "\r\n").encode(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (ODD | FINE).items():
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_bytes(content)
    (tmp_path / "round").symlink_to(".")
    (tmp_path / "nowhere.yaml").symlink_to("nothing")
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    return tmp_path


@pytest.mark.parametrize("form", ["table", "json", "yaml", "sarif"])
def test_each_file_that_is_none_is_told_of(folder: Path, form: str) -> None:
    done = CliRunner().invoke(app, ["analyze", "--use-kube=false", "-R", "-o", form, str(folder)])
    assert done.exit_code == 1, done.exception
    for name in (*ODD, b"nowhere.yaml", b"pipe.yaml"):
        assert name.partition(b"\xff")[0].decode() in done.stdout
    for name in FINE.keys() - {b"lines.yaml"}:
        assert f"{name.decode()}" not in done.stdout


def test_lines_count_with_windows_line_ends(folder: Path) -> None:
    """The port without a name is at line 4."""
    done = CliRunner().invoke(app, ["analyze", "--use-kube=false", str(folder / "lines.yaml")])
    assert "lines.yaml:4)" in done.stdout
