"""Lists and watches, whatever the server and the network do."""

from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from certwright.api.certificate import Certificate
from certwright.api.kinds import kind_of
from certwright.base.problem import Retryable
from certwright.kube.problem import ApiProblem
from certwright.kube.watch import Query, Reader, Seen
from tests.fakes.api_link import FakeLink, a_random, a_rest, lines, refused, said
from tests.fakes.clock import FakeClock

END = {"k8s.io/initial-events-end": "true"}


def an_object(name: str, version: int, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"namespace": "web", "name": name, "resourceVersion": str(version)},
        "spec": {"secretName": "s", "issuerRef": {"name": "i"}},
    } | more


def a_frame(word: str, name: str, version: int) -> dict[str, Any]:
    return {"type": word, "object": an_object(name, version)}


def a_bookmark(version: int, **annotations: str) -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "annotations": annotations}
    return {"type": "BOOKMARK", "object": {"kind": "Certificate", "metadata": metadata}}


def a_page(*names: str, version: int = 9, token: str = "") -> Any:
    metadata = {"resourceVersion": str(version), "continue": token}
    items = [an_object(name, number) for number, name in enumerate(names, 1)]
    return said({"kind": "CertificateList", "metadata": metadata, "items": items})


def a_reader(link: FakeLink, clock: FakeClock | None = None) -> Reader[Certificate]:
    query = Query(kind=kind_of(Certificate), read=msgspec.json.Decoder(Certificate).decode)
    return Reader(a_rest(link, clock=clock or FakeClock(auto=True)), query, a_random())


def asked(link: FakeLink, number: int) -> dict[str, str]:
    query = parse_qs(urlsplit(link.asked[number].target).query)
    return {name: values[0] for name, values in query.items()}


async def first(reader: Reader[Certificate], count: int, since: str = "1") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    async with aclosing(reader.watch(since)) as watch:  # type: ignore[type-var]  # a generator
        async for seen in watch:
            found.append(_told(seen))
            if len(found) == count:
                break
    return found


def _told(seen: Seen[Certificate]) -> tuple[str, str]:
    name = seen.resource.metadata.name if seen.resource is not None else ""
    return name or seen.word.value, seen.version


async def test_a_list_comes_as_the_beginning_of_a_watch() -> None:
    beginning = lines(
        a_frame("ADDED", "a", 3), a_frame("ADDED", "b", 4), a_bookmark(9, **END),
        a_frame("ADDED", "later", 10),
    )  # fmt: skip
    link = FakeLink([beginning])

    found = await a_reader(link).list()

    assert [item.metadata.name for item in found.items] == ["a", "b"]
    assert found.version == "9"
    assert asked(link, 0)["sendInitialEvents"] == "true"


async def test_what_goes_during_the_list_is_not_in_it() -> None:
    beginning = lines(
        a_frame("ADDED", "a", 3), a_bookmark(3), a_frame("DELETED", "a", 4), a_bookmark(9, **END)
    )

    assert (await a_reader(FakeLink([beginning])).list()).items == ()


@pytest.mark.parametrize("answer", [refused(422, "Invalid"), refused(400, "BadRequest"), lines()])
async def test_a_server_that_cannot_do_that_is_asked_for_pages_from_then_on(answer: Any) -> None:
    link = FakeLink([answer, a_page("a", "b", token="more"), a_page("c"), a_page("a")])
    reader = a_reader(link)

    found = await reader.list()
    again = await reader.list()

    assert [item.metadata.name for item in found.items] == ["a", "b", "c"]
    assert len(again.items) == 1
    assert (asked(link, 1)["limit"], asked(link, 2)["continue"]) == ("500", "more")
    assert "sendInitialEvents" not in asked(link, 3)


async def test_a_server_that_is_away_may_still_be_able_to() -> None:
    link = FakeLink([])
    reader = a_reader(link)
    with pytest.raises(Retryable):
        await reader.list()
    link.answers.append(lines(a_frame("ADDED", "a", 3), a_bookmark(9, **END)))

    found = await reader.list()

    assert len(found.items) == 1


async def test_pages_that_took_too_long_are_read_at_once() -> None:
    link = FakeLink([refused(422), a_page("a", token="more"), refused(410, "Expired"), a_page("b")])

    found = await a_reader(link).list()

    assert [item.metadata.name for item in found.items] == ["b"]
    assert "limit" not in asked(link, 3)


async def test_a_selection_is_read_in_pages() -> None:
    link = FakeLink([a_page("a")])

    await a_reader(link).list(namespace="web", labels={"a": "b", "c/d": "e"})

    assert "/namespaces/web/" in link.asked[0].target
    assert asked(link, 0)["labelSelector"] == "a=b,c/d=e"


async def test_one_unreadable_object_hides_no_other() -> None:
    broken = an_object("broken", 2, spec={"secretName": 7})
    items = [an_object("a", 1), broken, an_object("c", 3)]
    page = said({"metadata": {"resourceVersion": "3"}, "items": items})

    found = await a_reader(FakeLink([refused(422), page])).list()

    assert [item.metadata.name for item in found.items] == ["a", "c"]


async def test_a_watch_goes_on_where_it_was_cut_off_in_the_middle_of_a_line() -> None:
    cut = lines(a_frame("ADDED", "a", 2), breaks=True)
    half = msgspec.json.encode(a_frame("ADDED", "b", 3))[:50]
    link = FakeLink(
        [msgspec.structs.replace(cut, chunks=(*cut.chunks, half)), lines(a_frame("ADDED", "b", 3))]
    )

    assert await first(a_reader(link), 2) == [("a", "2"), ("b", "3")]
    assert asked(link, 1)["resourceVersion"] == "2"


async def test_a_watch_goes_on_from_a_bookmark() -> None:
    link = FakeLink(
        [lines(a_frame("ADDED", "a", 2), a_bookmark(7)), lines(a_frame("ADDED", "b", 8))]
    )

    assert await first(a_reader(link), 3) == [("a", "2"), ("BOOKMARK", "7"), ("b", "8")]
    assert asked(link, 1)["resourceVersion"] == "7"


async def test_each_failure_in_a_row_lengthens_the_pause() -> None:
    clock = FakeClock(auto=True)
    link = FakeLink([refused(500)] * 4 + [lines(a_frame("ADDED", "a", 2))])

    await first(a_reader(link, clock), 1)

    assert 7.5 <= clock.monotonic() <= 9  # 0.5 + 1 + 2 + 4 and up to a fifth more


@pytest.mark.parametrize(
    "answer",
    [
        refused(410, "Expired"),
        lines({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}),
    ],
)
async def test_a_version_too_old_ends_the_watch(answer: Any) -> None:
    with pytest.raises(ApiProblem) as problem:
        await first(a_reader(FakeLink([answer])), 1)

    assert problem.value.is_expired


async def test_a_version_that_the_server_has_not_given_out_yet_ends_the_watch() -> None:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    status = {
        "kind": "Status", "reason": "Timeout", "code": 504, "details": {"causes": [cause]},
    }  # fmt: skip
    link = FakeLink([], look_back=said(status, 504, headers=(("Retry-After", "1"),)))

    with pytest.raises(ApiProblem) as problem:
        await first(a_reader(link), 1)

    assert problem.value.is_expired


async def test_how_far_the_server_has_come_is_asked_at_the_start_and_after_failures() -> None:
    over, more = lines(a_frame("ADDED", "a", 2)), lines(a_frame("ADDED", "b", 3))
    link = FakeLink([over, refused(500), more])

    await first(a_reader(link), 2)

    assert link.looked_back == 3  # at the start, after "it ended at once", after the 500


async def test_an_error_of_another_kind_does_not_end_the_watch() -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "reason": "InternalError"}}
    link = FakeLink([lines(error), lines(a_frame("ADDED", "a", 2))])

    assert await first(a_reader(link), 1) == [("a", "2")]


async def test_a_watch_that_is_forbidden_says_so() -> None:
    with pytest.raises(ApiProblem) as problem:
        await first(a_reader(FakeLink([refused(403, "Forbidden")])), 1)

    assert problem.value.status == 403


async def test_an_unreadable_line_is_a_broken_stream() -> None:
    garbage = msgspec.structs.replace(lines(), chunks=(b"<html>\n",))
    link = FakeLink([garbage, lines(a_frame("ADDED", "a", 2))])

    assert await first(a_reader(link), 1) == [("a", "2")]
