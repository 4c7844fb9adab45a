"""What every DNS provider must do, whoever hosts the zone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from certwright.base.problem import Problem, Retryable, Stalled
from certwright.net.http import HttpClient
from certwright.solvers.providers import PROVIDERS
from tests.contract.dns_provider.hosts import APEX, FOREIGN, HOSTS, KEY, TOKEN, WRONG, Hosted
from tests.integration.servers.names import KEYS, base64_text

NAME = f"_acme-challenge.www.{APEX}"
FIRST, SECOND = "gfj9Xq-Rg85nM_first", "LPJNul-wow4m6Ds_second"
SECRETS = (WRONG, TOKEN, KEY, *(base64_text(key) for key in KEYS.values()))


@pytest.fixture(params=HOSTS)
async def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hosted]:
    http = HttpClient()
    async with HOSTS[request.param](tmp_path, http) as host:
        yield host
    await http.aclose()


def test_every_provider_passes_this_suite() -> None:
    tested = {name.partition(" ")[0] for name in HOSTS}

    assert tested == set(PROVIDERS)


async def test_a_value_presented_twice_is_there_once(hosted: Hosted) -> None:
    await hosted.provider().add_txt(NAME, FIRST)
    await hosted.provider().add_txt(NAME, FIRST)

    assert await hosted.values(NAME) == [FIRST]


async def test_a_second_value_leaves_the_first(hosted: Hosted) -> None:
    await hosted.provider().add_txt(NAME, FIRST)
    await hosted.provider().add_txt(NAME, SECOND)

    assert await hosted.values(NAME) == [SECOND, FIRST]


async def test_clean_up_of_one_value_leaves_the_other(hosted: Hosted) -> None:
    await hosted.provider().add_txt(NAME, FIRST)
    await hosted.provider().add_txt(NAME, SECOND)

    await hosted.provider().remove_txt(NAME, FIRST)

    assert await hosted.values(NAME) == [SECOND]


async def test_a_foreign_record_survives_present_and_clean_up(hosted: Hosted) -> None:
    name = f"_acme-challenge.foreign.{APEX}"

    await hosted.provider().add_txt(name, FIRST)
    await hosted.provider().remove_txt(name, FIRST)

    assert await hosted.values(name) == [FOREIGN]


async def test_clean_up_of_what_is_not_there_is_no_error(hosted: Hosted) -> None:
    await hosted.provider().remove_txt(NAME, FIRST)

    assert await hosted.values(NAME) == []


async def test_the_name_is_gone_after_the_last_clean_up(hosted: Hosted) -> None:
    await hosted.provider().add_txt(NAME, FIRST)
    await hosted.provider().remove_txt(NAME, FIRST)
    await hosted.provider().remove_txt(NAME, FIRST)

    assert await hosted.values(NAME) == []


async def test_twenty_presents_at_once_lose_none(hosted: Hosted) -> None:
    replicas = hosted.provider(), hosted.provider()
    values = sorted(f"value-{number:02}" for number in range(20))

    async with asyncio.TaskGroup() as group:
        for number, value in enumerate(values):
            group.create_task(replicas[number % 2].add_txt(NAME, value))

    assert await hosted.values(NAME) == values


async def test_the_same_value_presented_at_once_is_there_once(hosted: Hosted) -> None:
    provider = hosted.provider()

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(provider.add_txt(NAME, FIRST))

    assert await hosted.values(NAME) == [FIRST]


async def test_wrong_credentials_need_a_person_and_stay_secret(hosted: Hosted) -> None:
    with pytest.raises(Stalled) as refused:
        await hosted.provider(right=False).add_txt(NAME, FIRST)

    assert refused.value.reason == "CredentialsRefused"
    assert refused.value.remedy
    assert shows_no_secret(refused.value)
    assert await hosted.values(NAME) == []


async def test_a_zone_of_somebody_else_is_a_problem_and_no_crash(hosted: Hosted) -> None:
    with pytest.raises(Problem):
        await hosted.provider().add_txt("_acme-challenge.www.elsewhere.example.", FIRST)


async def test_failures_of_the_host_are_tried_again_with_their_cause(hosted: Hosted) -> None:
    for how, cause in hosted.failures.items():
        with pytest.raises(Retryable) as failed:
            await hosted.failing(how).add_txt(NAME, FIRST)

        assert failed.value.cause is cause, how
        assert shows_no_secret(failed.value)


def shows_no_secret(problem: Problem) -> bool:
    chain: list[BaseException] = []
    error: BaseException | None = problem
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    texts = [problem.message, problem.remedy, repr(problem), *map(str, problem.evidence)]
    texts += [f"{error!r} {error}" for error in chain]
    return not any(secret in text for secret in SECRETS for text in texts)
