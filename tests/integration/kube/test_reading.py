"""Lists and watches against a real API server."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from certwright.api.core import Secret
from certwright.api.kinds import kind_of
from certwright.api.meta import Key
from certwright.kube import apply as writing
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Rest
from certwright.kube.watch import Query, Reader
from tests.integration.servers.apiserver import ApiServer, bare_api_server
from tests.integration.servers.etcd import etcd

SECRET = kind_of(Secret)


def a_reader(rest: Rest, **more: Any) -> Reader[Secret]:
    query = Query(kind=SECRET, read=msgspec.json.Decoder(Secret).decode, **more)
    return Reader(rest, query, Random(1))


async def write(rest: Rest, namespace: str, name: str, size: int = 1) -> None:
    document = {
        "metadata": {"namespace": namespace, "name": name},
        "stringData": {"a": "x" * size},
    }
    await writing.create(rest, SECRET, document, manager="test")


async def test_more_than_a_page_is_listed(rest: Rest, namespace: str) -> None:
    await asyncio.gather(*(write(rest, namespace, f"s-{number}") for number in range(620)))

    paged = await a_reader(rest).list(namespace=namespace)
    streamed = await a_reader(rest).list()

    assert len(paged.items) == 620
    assert len([one for one in streamed.items if one.metadata.namespace == namespace]) == 620
    assert int(streamed.version) >= int(paged.version)


async def test_a_list_comes_as_a_watch_on_this_server(rest: Rest, namespace: str) -> None:
    await write(rest, namespace, "s")
    reader = a_reader(rest)

    await reader.list()

    assert rest.lists_by_watch


async def test_a_line_of_a_megabyte_is_read(rest: Rest, namespace: str) -> None:
    since = (await a_reader(rest).list()).version
    await write(rest, namespace, "large", size=900_000)

    async with aclosing(a_reader(rest).watch(since)) as watch:  # type: ignore[type-var]  # a generator
        seen = await anext(watch)

    assert seen.resource is not None
    assert len(seen.resource.data["a"]) == 900_000


async def test_a_version_from_before_a_restart_is_too_old(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with etcd(tmp_path) as storage:
        async with bare_api_server(tmp_path / "one", storage) as server:
            first = server.rest()
            since = (await a_reader(first).list()).version
            await write(first, "ours", "s")
            await first.aclose()

        async with bare_api_server(tmp_path / "two", storage) as server:
            second = server.rest()
            with pytest.raises(ApiProblem) as problem:
                await anext(a_reader(second).watch(since))
            await second.aclose()

    assert problem.value.is_expired


async def test_somebody_without_rights_is_told_so(server: ApiServer, namespace: str) -> None:
    rest = server.rest("nobody")

    with pytest.raises(ApiProblem) as problem:
        await a_reader(rest).list(namespace=namespace)
    with pytest.raises(ApiProblem) as watched:
        await anext(a_reader(rest).watch("1"))
    await rest.aclose()

    assert problem.value.reason == watched.value.reason == "Forbidden"


async def test_metadata_alone_carries_no_data(rest: Rest, namespace: str) -> None:
    await write(rest, namespace, "s")

    found = await a_reader(rest, metadata_only=True).get(Key(namespace, "s"))

    assert found.metadata.name == "s"
    assert found.data == {}
