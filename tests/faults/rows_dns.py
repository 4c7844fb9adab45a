"""Faults of zones and of the servers that have them."""

import dns.rcode
from msgspec.structs import replace

from certwright.api.kinds import to_wire
from certwright.lab.zone import Zone
from tests.faults.row import Ends, Row
from tests.faults.stage import PRIMARY, RESOLVER, SECONDARY, Stage
from tests.integration.servers.names import KEYS, ZONE, base64_text
from tests.proof.world import TSIG, txt_values

CHALLENGE = r"Challenge default/web-1-\d+-\d+"
TSIG_SECRET = base64_text(KEYS[TSIG]).encode()


async def heal(stage: Stage) -> None:
    """Let all name servers be well."""
    stage.heal()


async def _wrong_secret(stage: Stage) -> None:
    await stage.put_secret("tsig", secret=b"d3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmcgd3Jvbmch")


async def _right_secret(stage: Stage) -> None:
    await stage.put_secret("tsig", secret=TSIG_SECRET)


def _wrong_name(stage: Stage) -> None:
    stage.with_solver(rfc2136=replace(stage.rfc2136, tsig_key_name="nobody-knows."))


async def _right_name(stage: Stage) -> None:
    await _edit_solver(stage, tsigKeyName=KEYS[TSIG].name)


def _elsewhere(stage: Stage) -> None:
    stage.with_solver(rfc2136=replace(stage.rfc2136, nameserver="127.0.0.3:53"))


async def _back(stage: Stage) -> None:
    await _edit_solver(stage, nameserver="127.0.0.1:53")


async def _edit_solver(stage: Stage, **rfc2136: str) -> None:
    wire = to_wire(stage.solver())
    wire["dns01"]["rfc2136"] |= rfc2136
    await stage.edit_acme(solvers=[wire])


async def _forbidden(stage: Stage) -> None:
    stage.refuse_updates(PRIMARY, dns.rcode.REFUSED)


def _no_zone(stage: Stage) -> None:
    stage.with_web(dns_names=("www.nowhere.test",))


async def _make_zone(stage: Stage) -> None:
    zone = Zone.parse("nowhere.test.", ZONE)
    for address in (PRIMARY, RESOLVER):
        stage.network.servers[address][zone.apex] = zone

    async def lookup(name: str) -> tuple[str, ...]:
        return txt_values(zone, name)

    stage.ca.look_up_by(lookup)


async def stale(stage: Stage) -> None:
    stage.world.serve(SECONDARY, stage.copy())


async def fresh(stage: Stage) -> None:
    stage.world.serve(SECONDARY, stage.zone)


async def _lame(stage: Stage) -> None:
    stage.world.serve(SECONDARY)


async def _secondary_silent(stage: Stage) -> None:
    stage.silence(SECONDARY)


async def _secondary_down(stage: Stage) -> None:
    stage.network.down.add(SECONDARY)


async def _primary_silent(stage: Stage) -> None:
    stage.silence(PRIMARY)


async def _primary_down(stage: Stage) -> None:
    stage.network.down.add(PRIMARY)


async def _hijacked(stage: Stage) -> None:
    for address in (PRIMARY, SECONDARY):
        stage.hijack(address)


async def _servfail(stage: Stage) -> None:
    stage.fail_with(RESOLVER, dns.rcode.SERVFAIL)


async def _auth_servfail(stage: Stage) -> None:
    stage.fail_with(SECONDARY, dns.rcode.SERVFAIL)


async def _update_servfail(stage: Stage) -> None:
    stage.refuse_updates(PRIMARY, dns.rcode.SERVFAIL)


async def _resolver_silent(stage: Stage) -> None:
    stage.silence(RESOLVER)


async def _resolver_down(stage: Stage) -> None:
    stage.network.down.add(RESOLVER)


def _asks_resolver(stage: Stage) -> None:
    stage.with_solver(nameservers=("127.0.0.53:53",))


async def _cached(stage: Stage) -> None:
    stage.world.serve(RESOLVER, stage.copy())


async def _cache_over(stage: Stage) -> None:
    stage.world.serve(RESOLVER, stage.zone)


def _follows(stage: Stage) -> None:
    stage.with_solver(cname_strategy="Follow")


async def _loop(stage: Stage) -> None:
    stage.alias("_acme-challenge.www.example.test.", "there.example.test.")
    stage.alias("there.example.test.", "_acme-challenge.www.example.test.")


async def _no_loop(stage: Stage) -> None:
    stage.unalias("_acme-challenge.www.example.test.")


async def _delegated(stage: Stage) -> None:
    stage.alias("_acme-challenge.www.example.test.", "there.example.test.")


async def _set_follow(stage: Stage) -> None:
    wire = to_wire(stage.solver())
    wire["dns01"]["cnameStrategy"] = "Follow"
    await stage.edit_acme(solvers=[wire])


async def _wildcard(stage: Stage) -> None:
    stage.alias("*.example.test.", "elsewhere.example.test.")


ROWS = (
    Row(
        name="tsig-secret",
        fault="The TSIG secret differs from the name server's",
        strike=_wrong_secret,
        mend=_right_secret,
        culprit="Secret kube-system/tsig",
        reason="CredentialsRefused",
        says="BADSIG",
        remedy="secret",
        next=True,
    ),
    Row(
        name="tsig-name",
        fault="The name server does not know the TSIG key's name",
        prepare=_wrong_name,
        mend=_right_name,
        culprit="Secret kube-system/tsig",
        reason="CredentialsRefused",
        says="BADKEY",
        remedy="Name",
        next=True,
    ),
    Row(
        name="foreign-zone",
        fault="The name server that is updated does not have the zone (NOTAUTH)",
        prepare=_elsewhere,
        mend=_back,
        culprit="ClusterIssuer acme",
        reason="Refused",
        says="NOTAUTH",
        remedy="primary server",
        next=True,
    ),
    Row(
        name="update-refused",
        fault="The name server lets nobody update the zone (REFUSED)",
        strike=_forbidden,
        mend=heal,
        culprit="ClusterIssuer acme",
        reason="Refused",
        says="REFUSED",
        remedy="lets the key",
        next=True,
    ),
    Row(
        name="zone-not-found",
        fault="The zone of the name does not exist",
        prepare=_no_zone,
        mend=_make_zone,
        culprit=CHALLENGE,
        reason="ZoneNotFound",
        says="nowhere.test",
        remedy="Create the zone",
        next=True,
    ),
    Row(
        name="stale-secondary",
        fault="A secondary name server does not get the changes",
        strike=stale,
        mend=fresh,
        culprit=CHALLENGE,
        reason="",
        says="ns2.*does not have it",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="lame-delegation",
        fault="A name server of the delegation does not have the zone",
        strike=_lame,
        mend=fresh,
        culprit=CHALLENGE,
        reason="",
        says="ns2.*REFUSED",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="secondary-silent",
        fault="A name server of the zone does not answer",
        strike=_secondary_silent,
        mend=heal,
        culprit=CHALLENGE,
        reason="",
        says="ns2.*no answer",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="secondary-down",
        fault="A name server of the zone refuses connections",
        strike=_secondary_down,
        mend=heal,
        culprit=CHALLENGE,
        reason="",
        says="ns2.*Connection refused",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="secondary-servfail",
        fault="A name server of the zone answers SERVFAIL",
        strike=_auth_servfail,
        mend=heal,
        culprit=CHALLENGE,
        reason="",
        says="ns2.*SERVFAIL",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="primary-silent",
        fault="The name server that is updated does not answer",
        strike=_primary_silent,
        mend=heal,
        culprit=CHALLENGE,
        reason="ConnectionFailed",
        says="127.0.0.1:53.*no answer",
        remedy="port 53",
        next=True,
    ),
    Row(
        name="primary-down",
        fault="The name server that is updated refuses connections",
        strike=_primary_down,
        mend=heal,
        culprit=CHALLENGE,
        reason="ConnectionFailed",
        says="127.0.0.1:53.*Connection refused",
        remedy="port 53",
        next=True,
    ),
    Row(
        name="update-servfail",
        fault="The name server answers updates with SERVFAIL",
        strike=_update_servfail,
        mend=heal,
        culprit=CHALLENGE,
        reason="ServerError",
        says="SERVFAIL",
        remedy="tried again",
        next=True,
    ),
    Row(
        name="port-53-intercepted",
        fault="A router answers for the zone's name servers (port 53 is intercepted)",
        strike=_hijacked,
        mend=heal,
        culprit=CHALLENGE,
        reason="",
        says="port 53 intercepted",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="resolver-servfail",
        fault="The resolver answers SERVFAIL",
        strike=_servfail,
        mend=heal,
        culprit=CHALLENGE,
        reason="ServerError",
        says="127.0.0.53:53.*SERVFAIL",
        remedy="DNSSEC",
        next=True,
    ),
    Row(
        name="resolver-silent",
        fault="The resolver does not answer",
        strike=_resolver_silent,
        mend=heal,
        culprit=CHALLENGE,
        reason="ConnectionFailed",
        says="127.0.0.53:53.*no answer",
        remedy="port 53",
        next=True,
    ),
    Row(
        name="resolver-down",
        fault="The resolver refuses connections",
        strike=_resolver_down,
        mend=heal,
        culprit=CHALLENGE,
        reason="ConnectionFailed",
        says="127.0.0.53:53.*Connection refused",
        remedy="port 53",
        next=True,
    ),
    Row(
        name="negative-cache",
        fault="The resolver remembers that the record does not exist",
        prepare=_asks_resolver,
        strike=_cached,
        mend=_cache_over,
        culprit=CHALLENGE,
        reason="",
        says="127.0.0.53.*does not have it: no such name",
        remedy="every name server",
        next=True,
    ),
    Row(
        name="cname-loop",
        fault="The challenge's name is an alias that leads back to it",
        prepare=_follows,
        strike=_loop,
        mend=_no_loop,
        culprit=CHALLENGE,
        reason="CNAMELoop",
        says="recursive CNAME",
        remedy="Remove one",
        next=True,
    ),
    Row(
        name="cname-not-followed",
        fault="The challenge's name is an alias, and the solver does not follow it",
        strike=_delegated,
        mend=_set_follow,
        culprit=CHALLENGE,
        reason="",
        says="alias",
        remedy="Follow",
        next=True,
    ),
    Row(
        name="wildcard-cname",
        fault="A wildcard CNAME answers for every name of the zone",
        strike=_wildcard,
        culprit="Certificate default/web",
        reason="Ready",
        says="up to date",
        next=True,
        ends=Ends.NEVER_ILL,
    ),
)
