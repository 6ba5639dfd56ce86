"""The operator always uses the token that its file holds now, however the file is replaced."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from integration_token.cluster.connection import Connection, access, connect

from tests.cluster import kubeconfig


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, with a first token."""
    file = tmp_path / "token"
    file.write_text("first")
    return file


@pytest.fixture
async def client(tmp_path: Path, file: Path) -> AsyncIterator[Connection]:
    """A client whose kubeconfig names the file by a relative path and also holds a token itself."""
    user = {"tokenFile": file.name, "token": "inline"}
    path = kubeconfig.write(tmp_path / "kubeconfig", "http://127.0.0.1:1", authority=file, user=user)
    client = await connect(path, watches=0)
    yield client
    await client.close()


async def _token(client: Connection) -> str | None:
    return (await access(client)).token


def _write(file: Path, content: bytes | None) -> None:
    """Overwrites the file; None removes it."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


def _replace(file: Path, content: bytes) -> None:
    """Replaces the file with another one, as the kubelet does."""
    other = file.with_suffix(".new")
    other.write_bytes(content)
    other.replace(file)


async def test_token_in_a_file_is_read_when_the_file_changes(client: Connection, file: Path) -> None:
    """It takes precedence over the token in the kubeconfig, and a replacement of any kind is used at once."""
    assert await _token(client) == "first"
    _write(file, b"another")
    assert await _token(client) == "another"
    _replace(file, b"renewed\n")
    assert await _token(client) == "renewed"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"a\nb", b"\xff"])
async def test_file_without_a_token_leaves_the_last_one(client: Connection, file: Path, content: bytes | None) -> None:
    """The last token is used while the file is missing, empty or damaged; then the next valid one."""
    assert await _token(client) == "first"
    _write(file, content)
    assert await _token(client) == "first"
    _write(file, b"another")
    assert await _token(client) == "another"
