"""Secrets without their bytes: facts about those that are ours, of all others metadata only.

Called by `store`. Two watches make one: a stream of metadata knows which Secrets there are; a
second one, of those labelled as cert-manager's, brings their content, which is reduced to facts
before anybody else sees it. A Secret that gains or loses the label appears in one stream or the
other; only the first one can say that it is gone, since leaving a selection looks like a deletion.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Final

import msgspec
from msgspec.structs import replace

from certwright.api.annotations import FAO_LABEL
from certwright.api.core import Secret
from certwright.api.kinds import kind_of
from certwright.api.meta import Resource
from certwright.api.secret import SecretSummary, partial_summary, summarize
from certwright.kube.problem import ApiProblem
from certwright.kube.rest import Rest
from certwright.kube.watch import Query, Reader, Seen, Snapshot, Word

_SEPARATOR: Final = "+"
_full = msgspec.json.Decoder(Secret)
_metadata = msgspec.json.Decoder(Resource)


def _summary(raw: bytes | msgspec.Raw) -> SecretSummary:
    return summarize(_full.decode(raw))


def _partial(raw: bytes | msgspec.Raw) -> SecretSummary:
    return partial_summary(_metadata.decode(raw).metadata)


class SecretReader:
    """Reads Secrets as summaries; versions are those of both streams."""

    def __init__(self, rest: Rest, random: Random, *, namespace: str = "") -> None:
        kind = kind_of(Secret)
        everything = Query(kind=kind, read=_partial, metadata_only=True, namespace=namespace)
        selector = f"{FAO_LABEL}=true"
        ours = Query(kind=kind, read=_summary, selector=selector, namespace=namespace)
        self._everything = Reader(rest, everything, random)
        self._ours = Reader(rest, ours, random)
        self.one = Query(kind=kind, read=_summary)

    async def list(self) -> Snapshot[SecretSummary]:
        """Read all Secrets; raises as `Reader.list`.

        Metadata first: what gains the label in between is in both lists, and the newer one counts.
        """
        everything = await self._everything.list()
        ours = await self._ours.list()
        found = {one.key: one for one in everything.items}
        found.update((one.key, one) for one in ours.items)
        version = f"{everything.version}{_SEPARATOR}{ours.version}"
        return Snapshot(tuple(found.values()), version)

    async def watch(self, since: str) -> AsyncIterator[Seen[SecretSummary]]:
        """Yield every change after a version of `list`; raises as `Reader.watch`."""
        versions = since.split(_SEPARATOR)
        if len(versions) != 2:  # noqa: PLR2004  # one of each stream
            raise ApiProblem("Expired", "that version is none of a list of Secrets", status=410)
        streams = (self._everything.watch(versions[0]), self._ours.watch(versions[1]))
        waiting: dict[asyncio.Future[Seen[SecretSummary]], int] = {
            asyncio.ensure_future(anext(stream)): number for number, stream in enumerate(streams)
        }
        try:
            while True:
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    number = waiting.pop(future)
                    seen = future.result()
                    waiting[asyncio.ensure_future(anext(streams[number]))] = number
                    versions[number] = seen.version
                    told = _told(seen, is_metadata=number == 0)
                    yield replace(told, version=_SEPARATOR.join(versions))
        finally:
            for future in waiting:
                future.cancel()
            for future in waiting:
                with suppress(asyncio.CancelledError, StopAsyncIteration, Exception):
                    await future  # it was asked for and is not wanted any more


def _told(seen: Seen[SecretSummary], *, is_metadata: bool) -> Seen[SecretSummary]:
    """Say what a line of one stream means for both; a bookmark where it means nothing."""
    secret = seen.resource
    if secret is None:
        return seen
    if is_metadata:
        known_in_full = secret.metadata.labels.get(FAO_LABEL) == "true"
        is_news = seen.word is Word.DELETED or not known_in_full
    else:
        is_news = seen.word is not Word.DELETED
    return seen if is_news else Seen(Word.BOOKMARK, seen.version)
