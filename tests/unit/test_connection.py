"""The operator's own token is what its file holds now, whatever others do to the file meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from integration_token.cluster.connection import access, connect
from kubernetes.aio.client.api_client import ApiClient

from tests.cluster import kubeconfig


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file, with a first token."""
    file = tmp_path / "token"
    file.write_text("first")
    return file


@pytest.fixture
async def client(tmp_path: Path, file: Path) -> AsyncIterator[ApiClient]:
    """Of a kubeconfig that names the file by its place beside itself, and has a token of its own too."""
    user = {"tokenFile": file.name, "token": "inline"}
    path = kubeconfig.write(tmp_path / "kubeconfig", "http://127.0.0.1:1", authority=file, user=user)
    client = await connect(path, watches=0)
    yield client
    await client.close()


async def _token(client: ApiClient) -> str | None:
    return (await access(client)).token


def _write(file: Path, content: bytes | None) -> None:
    """Over what is there; None removes it."""
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


def _replace(file: Path, content: bytes) -> None:
    """By another file, as the kubelet does it."""
    other = file.with_suffix(".new")
    other.write_bytes(content)
    other.replace(file)


async def test_token_in_a_file_is_read_when_the_file_changes(client: ApiClient, file: Path) -> None:
    """It goes before the token that the kubeconfig holds, and one that takes its place, in any way, is used at once."""
    assert await _token(client) == "first"
    _write(file, b"another")
    assert await _token(client) == "another"
    _replace(file, b"renewed\n")
    assert await _token(client) == "renewed"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"a\nb", b"\xff"])
async def test_file_without_a_token_leaves_the_last_one(client: ApiClient, file: Path, content: bytes | None) -> None:
    """While the file is gone, empty or damaged the last token stays, and the next good one is used."""
    assert await _token(client) == "first"
    _write(file, content)
    assert await _token(client) == "first"
    _write(file, b"another")
    assert await _token(client) == "another"


async def test_library_finds_its_modules_by_their_names(client: ApiClient) -> None:
    """Though its packages are known without what they import: a typed answer is made of a model."""
    answer = client.deserialize('{"name": "shop"}', "V1ObjectMeta", "application/json")
    assert answer.name == "shop"
