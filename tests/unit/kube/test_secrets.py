"""Secrets without their bytes: two streams that make one."""

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from certwright.api.annotations import FAO_LABEL
from certwright.api.secret import SecretSummary
from certwright.kube.problem import ApiProblem
from certwright.kube.secrets import SecretReader
from certwright.kube.watch import Seen
from certwright.net.http import Response
from certwright.net.stream import Arriving, Request
from tests.fakes.api_link import FakeLink, Said, a_random, a_rest, lines, refused, said

OURS = {FAO_LABEL: "true"}


def a_secret(name: str, version: int, *, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "web", "name": name, "uid": f"{name}-uid",
            "resourceVersion": str(version), "labels": labels or {},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{hunter2}"},
        },
        "type": "Opaque",
        "data": {"password": base64.b64encode(b"hunter2").decode()},
    }  # fmt: skip


def metadata_of(secret: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "metadata": secret["metadata"]}


def a_frame(word: str, what: dict[str, Any]) -> dict[str, Any]:
    return {"type": word, "object": what}


class TwoStreams(FakeLink):
    """Answers what is asked for metadata from one shelf, and what is asked in full from another."""

    def __init__(self, metadata: list[Said], full: list[Said]) -> None:
        super().__init__([])
        self._metadata = FakeLink(metadata)
        self._full = FakeLink(full)

    async def request(self, request: Request) -> Response:
        return await self._one(request).request(request)

    @asynccontextmanager
    async def stream(self, request: Request, *, quiet: timedelta) -> AsyncIterator[Arriving]:
        async with self._one(request).stream(request, quiet=quiet) as answer:
            yield answer

    def _one(self, request: Request) -> FakeLink:
        is_metadata = "PartialObjectMetadata" in dict(request.headers)["Accept"]
        assert is_metadata != ("labelSelector" in request.target)
        return self._metadata if is_metadata else self._full


def a_page(version: int, *items: dict[str, Any]) -> Said:
    return said({"metadata": {"resourceVersion": str(version)}, "items": items})


async def first(link: FakeLink, count: int, since: str = "1+1") -> list[Seen[SecretSummary]]:
    """The next changes, those of nothing left out."""
    found: list[Seen[SecretSummary]] = []
    reader = SecretReader(a_rest(link), a_random())
    async with aclosing(reader.watch(since)) as watch:  # type: ignore[type-var]  # a generator
        async for seen in watch:
            found += [seen] if seen.resource is not None else []
            if len(found) == count:
                break
    return found


async def test_only_what_is_ours_is_known_in_full() -> None:
    ours, foreign = a_secret("ours", 3, labels=OURS), a_secret("foreign", 2)
    metadata = a_page(5, metadata_of(ours), metadata_of(foreign))
    link = TwoStreams([refused(422), metadata], [a_page(6, ours)])

    found = await SecretReader(a_rest(link), a_random()).list()

    known = {one.metadata.name: one for one in found.items}
    assert not known["ours"].partial
    assert known["ours"].has("password")
    assert known["foreign"].partial
    assert known["foreign"].digests == {}
    assert found.version == "5+6"


async def test_no_secret_is_kept_in_a_copy_that_kubectl_made() -> None:
    ours, foreign = a_secret("ours", 3, labels=OURS), a_secret("foreign", 2)
    metadata = a_page(5, metadata_of(ours), metadata_of(foreign))
    link = TwoStreams([refused(422), metadata], [a_page(6, ours)])

    found = await SecretReader(a_rest(link), a_random()).list()

    assert "hunter2" not in repr(found.items)


async def test_a_secret_that_becomes_ours_is_known_in_full_and_not_gone() -> None:
    before, after = a_secret("s", 2), a_secret("s", 3, labels=OURS)
    metadata = lines(a_frame("ADDED", metadata_of(before)), a_frame("MODIFIED", metadata_of(after)))
    link = TwoStreams([metadata], [lines(a_frame("ADDED", after))])

    found = await first(link, 2)

    told = {(seen.word.value, seen.resource.partial) for seen in found if seen.resource}
    assert told == {("ADDED", True), ("ADDED", False)}


async def test_a_secret_that_is_ours_no_longer_is_known_by_its_metadata() -> None:
    before, after = a_secret("s", 2, labels=OURS), a_secret("s", 3)
    metadata = lines(a_frame("ADDED", metadata_of(before)), a_frame("MODIFIED", metadata_of(after)))
    full = lines(a_frame("ADDED", before), a_frame("DELETED", a_secret("s", 3, labels=OURS)))

    found = await first(TwoStreams([metadata], [full]), 2)

    told = {(seen.word.value, seen.resource.partial) for seen in found if seen.resource}
    assert told == {("ADDED", False), ("MODIFIED", True)}


async def test_a_deleted_secret_is_told_once() -> None:
    gone = a_secret("s", 3, labels=OURS)
    metadata = lines(a_frame("DELETED", metadata_of(gone)), a_frame("ADDED", a_secret("t", 4)))
    link = TwoStreams([metadata], [lines(a_frame("DELETED", gone))])

    found = await first(link, 2)

    words = [(seen.word.value, seen.resource.metadata.name) for seen in found if seen.resource]
    assert words == [("DELETED", "s"), ("ADDED", "t")]


async def test_a_watch_goes_on_in_both_streams() -> None:
    metadata = lines(a_frame("ADDED", metadata_of(a_secret("foreign", 7))))
    link = TwoStreams([metadata], [lines(a_frame("ADDED", a_secret("ours", 9, labels=OURS)))])

    found = await first(link, 2, since="5+6")

    assert max(seen.version for seen in found) == "7+9"


@pytest.mark.parametrize("since", ["5", "", "1+2+3"])
async def test_a_version_of_something_else_is_too_old(since: str) -> None:
    with pytest.raises(ApiProblem) as problem:
        await first(TwoStreams([], []), 1, since=since)

    assert problem.value.is_expired


async def test_what_ends_one_stream_ends_both() -> None:
    with pytest.raises(ApiProblem) as problem:
        await first(TwoStreams([lines()], [refused(410, "Expired")]), 1)

    assert problem.value.is_expired
