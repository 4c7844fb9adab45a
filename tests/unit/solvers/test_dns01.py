import msgspec
import pytest

from certwright.api.meta import SecretKeySelector
from certwright.api.solver import (
    DNS01,
    RFC2136,
    Cloudflare,
    CNAMEStrategy,
    DigitalOcean,
    WebhookSolver,
)
from certwright.base.problem import Stalled
from certwright.base.secret import Redacted
from certwright.dns.problem import CnameLoop
from certwright.net.http import HttpClient
from certwright.solvers.dns01 import Dns01Solver, build_solver, provider_name, secret_refs
from certwright.solvers.protocol import Presentation, Solver
from tests.fakes.clock import FakeClock
from tests.unit.dns.world import World

TSIG = SecretKeySelector(name="tsig", key="key")
SERVER = RFC2136(nameserver="192.0.2.1:53")
SIGNED = RFC2136(
    nameserver="192.0.2.1", tsig_key_name="key.", tsig_secret_secret_ref=TSIG, tsig_algorithm=""
)
PRESENTATION = Presentation(
    domain="example.test", fqdn="_acme-challenge.example.test.", value="value"
)


class Written:
    """A provider that remembers what was written where."""

    def __init__(self) -> None:
        self.records: set[tuple[str, str]] = set()

    async def add_txt(self, fqdn: str, value: str) -> None:
        self.records.add((fqdn, value))

    async def remove_txt(self, fqdn: str, value: str) -> None:
        self.records.discard((fqdn, value))


def build(config: DNS01, world: World | None = None, **credentials: bytes) -> Dns01Solver:
    return build_solver(
        config,
        {name: Redacted(value) for name, value in credentials.items()},
        resolver=(world or World()).resolver(),
        http=HttpClient(),
        clock=FakeClock(),
    )


async def test_a_record_is_written_at_the_name_itself_by_default() -> None:
    provider = Written()
    world = World("_acme-challenge CNAME token.other.test.")

    await Dns01Solver(provider, world.resolver()).present(PRESENTATION)

    assert provider.records == {("_acme-challenge.example.test.", "value")}
    assert world.network.log == []


async def test_with_follow_present_and_clean_up_go_where_the_alias_leads() -> None:
    provider = Written()
    world = World("_acme-challenge CNAME token.other.test.")
    solver: Solver = Dns01Solver(provider, world.resolver(), follow=True)

    await solver.present(PRESENTATION)
    written = set(provider.records)
    await solver.clean_up(PRESENTATION)

    assert written == {("token.other.test.", "value")}
    assert provider.records == set()


async def test_with_follow_a_loop_is_told_and_nothing_written() -> None:
    provider = Written()
    world = World("_acme-challenge CNAME b\nb CNAME _acme-challenge")

    with pytest.raises(CnameLoop, match="Found recursive CNAME record to"):
        await Dns01Solver(provider, world.resolver(), follow=True).present(PRESENTATION)

    assert provider.records == set()


async def test_the_check_follows_aliases_whatever_the_strategy() -> None:
    world = World("_acme-challenge CNAME token.other.test.", other='token TXT "value"')

    report = await Dns01Solver(Written(), world.resolver()).check(PRESENTATION)

    assert report.complete
    assert report.evidence


async def test_own_nameservers_replace_those_in_force() -> None:
    world = World('_acme-challenge TXT "value"')
    solver = build(DNS01(rfc2136=SERVER, nameservers=("192.0.2.1:53",)), world)

    report = await solver.check(PRESENTATION)

    assert report.complete
    assert [server.name for server in report.servers] == ["192.0.2.1:53"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (DNS01(), "no DNS01 provider configured"),
        (
            DNS01(rfc2136=SERVER, cloudflare=Cloudflare()),
            "may not specify more than one provider type",
        ),
        (DNS01(digitalocean=DigitalOcean(token_secret_ref=TSIG)), "digitalocean is not served yet"),
        (DNS01(webhook=WebhookSolver(group_name="g", solver_name="s")), "webhook is not served"),
        (DNS01(rfc2136=SERVER, nameservers=("http://x",)), r"dns01\.nameservers: "),
        (DNS01(rfc2136=RFC2136(nameserver="")), r"rfc2136\.nameserver: the name .* is empty"),
        (DNS01(rfc2136=RFC2136(nameserver="https://x")), "a host with an optional port"),
        (DNS01(rfc2136=RFC2136(nameserver="x", protocol="QUIC")), "QUIC is neither UDP nor TCP"),
        (DNS01(rfc2136=RFC2136(nameserver="x", tsig_key_name="k")), "needs both tsigKeyName and"),
        (DNS01(rfc2136=SIGNED), "the Secret that tsigSecretSecretRef names was not found"),
        (DNS01(cloudflare=Cloudflare()), "exactly one of apiKeySecretRef and apiTokenSecretRef"),
        (DNS01(cloudflare=Cloudflare(api_key_secret_ref=TSIG)), "needs the account's email"),
        (DNS01(cloudflare=Cloudflare(api_token_secret_ref=TSIG)), "apiTokenSecretRef names was"),
    ],
)
def test_settings_that_cannot_be_used_say_what_is_wrong(config: DNS01, said: str) -> None:
    with pytest.raises(Stalled, match=said):
        build(config)


@pytest.mark.parametrize("token", [b"", b"\n", b"two\nlines", b"t\xc3\xb6ken", b"with space"])
def test_a_token_that_is_no_header_is_refused_without_being_shown(token: bytes) -> None:
    config = DNS01(cloudflare=Cloudflare(api_token_secret_ref=TSIG))

    with pytest.raises(Stalled, match="not one line of visible ASCII") as refused:
        build(config, apiTokenSecretRef=token)

    assert refused.value.__cause__ is None
    assert len(token) < 2 or token.decode() not in refused.value.message


def test_the_secrets_a_provider_needs_are_named_by_their_fields() -> None:
    token = Cloudflare(email="x@y", api_token_secret_ref=TSIG)

    assert secret_refs(DNS01(rfc2136=SIGNED)) == {"tsigSecretSecretRef": TSIG}
    assert secret_refs(DNS01(rfc2136=SERVER)) == {}
    assert secret_refs(DNS01(cloudflare=token)) == {"apiTokenSecretRef": TSIG}
    assert secret_refs(DNS01(digitalocean=DigitalOcean(token_secret_ref=TSIG))) == {
        "tokenSecretRef": TSIG
    }


def test_the_strategy_of_an_issuer_decides_about_following() -> None:
    follow = DNS01(rfc2136=SERVER, cname_strategy=CNAMEStrategy.FOLLOW)

    assert build(follow)._follow
    assert not build(msgspec.structs.replace(follow, cname_strategy=CNAMEStrategy.NONE))._follow
    assert provider_name(follow) == "rfc2136"
