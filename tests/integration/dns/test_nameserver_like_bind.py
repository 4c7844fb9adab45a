"""The lab's name server and BIND serve the same zones and are asked the same questions."""

import random
import string
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from certwright.dns.exchange import Exchange
from certwright.dns.network import Address, SystemNetwork
from tests.integration.servers.bind import running_bind
from tests.integration.servers.ours import running_ours


def words(text: str) -> list[str]:
    return text.split()


ZONES = {
    "example.test.": """
$TTL 300
@            SOA   ns1 admin 7 3600 600 86400 60
@            NS    ns1
@            NS    ns2.other.test.
@            MX    10 mail
@            TXT   "apex"
ns1          A     127.0.0.1
mail         A     192.0.2.25
www          A     192.0.2.1
www          A     192.0.2.2
www          AAAA  2001:db8::1
WwW2         A     192.0.2.3
ttl          5 TXT "short life"
a.b.c.ent    TXT   "below empty names"
*.wild       TXT   "made by a wildcard"
*.wild       MX    10 mail
sub.wild     A     192.0.2.4
deep.x.wild  A     192.0.2.5
*.walias     CNAME www
exact.walias TXT   "exact"
_acme-challenge.walias TXT "token"
*.wx         CNAME nowhere.elsewhere.invalid.
alias        CNAME www
alias2       CNAME alias
dangling     CNAME missing
toent        CNAME c.ent
towild       CNAME any.wild
outside      CNAME www.elsewhere.invalid.
toother      CNAME www.other.test.
tonoother    CNAME missing.other.test.
loop1        CNAME loop2
loop2        CNAME loop1
self         CNAME self
tochild      CNAME x.child
tokid        CNAME txt.kid
child        NS    ns.child
child        NS    ns1
ns.child     A     192.0.2.53
child        DS    12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
_acme-challenge TXT "one"
_acme-challenge TXT "two"
_acme-challenge.delegated CNAME token.other.test.
star.*.inner TXT "a star in the middle"
*            3600 TXT "top wildcard"
""",
    "other.test.": """
$TTL 120
@     SOA ns2 admin 9 3600 600 86400 30
@     NS  ns2
ns2   A   127.0.0.1
www   A   192.0.2.80
token TXT "delegated"
back  CNAME alias2.example.test.
""",
    "nowild.test.": """
$TTL 20
@       SOA ns.other.test. admin.other.test. 1 3600 600 86400 3600
@       NS  ns2.other.test.
a.b     TXT "x"
*.c     A   192.0.2.9
d.c     TXT "y"
""",
    "kid.example.test.": """
$TTL 60
@       SOA ns1.example.test. admin 1 3600 600 86400 60
@       NS  ns1.example.test.
txt     TXT "in the child zone"
""",
}

TYPES = ("A", "AAAA", "TXT", "CNAME", "NS", "SOA", "MX", "DS", "CAA", "ANY")

NAMES = words("""
@ www WWW www2 ttl mail ns1 ns2 missing a.b.c.ent b.c.ent c.ent ent d.c.ent x.a.b.c.ent wild x.wild
y.x.wild *.wild sub.wild y.sub.wild x.x.wild deep.x.wild z.deep.x.wild walias q.walias q.q.walias
exact.walias r.exact.walias _acme-challenge.walias *.walias q.wx alias alias2 dangling toent towild
outside toother tonoother loop1 loop2 self tochild tokid child x.child ns.child y.ns.child
_acme-challenge x._acme-challenge _acme-challenge.delegated *.inner star.*.inner inner x.inner
x.star.*.inner * x.*
www.www x.alias
""")

OTHERS = words("""
other.test. www.other.test. token.other.test. back.other.test. missing.other.test. nowild.test.
b.nowild.test. a.b.nowild.test. x.b.nowild.test. c.nowild.test. x.c.nowild.test. d.c.nowild.test.
x.d.c.nowild.test. none.nowild.test. kid.example.test. txt.kid.example.test. no.kid.example.test.
test. invalid. example.org. . xexample.test. www.elsewhere.invalid.
""")


async def test_answers_to_the_listed_and_to_random_questions_are_those_of_bind(
    tmp_path: Path,
) -> None:
    async with (
        running_bind(tmp_path / "bind", ZONES) as bind,
        running_ours(tmp_path, ZONES) as ours,
    ):
        differences = [
            f"{name} {rdtype}\n  bind: {expected}\n  ours: {got}"
            for name, rdtype in questions()
            if (expected := await said(bind.address, name, rdtype))
            != (got := await said(ours.address, name, rdtype))
        ]

    assert not differences, "\n".join(differences[:20])


async def test_long_answers_are_cut_over_udp_and_whole_over_tcp_as_bind_does(
    tmp_path: Path,
) -> None:
    values = "\n".join(f'long TXT "{number:03}{"x" * 200}"' for number in range(20))
    zones = {"example.test.": ZONES["example.test."] + values + "\n"}
    async with running_bind(tmp_path / "b", zones) as bind, running_ours(tmp_path, zones) as ours:
        for payload in (None, 0, 512, 1232, 4096):
            over_udp = [
                await flags(server.address, "long.example.test.", payload, tcp=False)
                for server in (bind, ours)
            ]
            over_tcp = [
                await flags(server.address, "long.example.test.", payload, tcp=True)
                for server in (bind, ours)
            ]

            assert over_udp == [(True, 0)] * 2
            assert over_tcp == [(False, 20)] * 2


async def test_odd_messages_get_the_error_that_bind_gives(tmp_path: Path) -> None:
    async with running_bind(tmp_path / "b", ZONES) as bind, running_ours(tmp_path, ZONES) as ours:
        for wire in odd_messages():
            codes = [await code_for(server.address, wire) for server in (bind, ours)]

            assert codes[0] == codes[1], wire.hex()


def questions() -> list[tuple[str, str]]:
    names = ["example.test." if name == "@" else f"{name}.example.test." for name in NAMES]
    dice = random.Random(8)  # the same questions in each run, so that a failure can be repeated
    parts = [name for name in NAMES if name != "@"]
    for _ in range(150):
        labels = [
            dice.choice([*parts, "".join(dice.choices(string.ascii_lowercase + "-_0", k=4))])
            for _ in range(dice.randint(1, 3))
        ]
        names.append(".".join(labels).strip("-") + ".example.test.")
    fixed = [(name, rdtype) for name in [*names[: len(NAMES)], *OTHERS] for rdtype in TYPES]
    return fixed + [(name, dice.choice(TYPES)) for name in names[len(NAMES) :]]


async def said(address: Address, name: str, rdtype: str) -> dict[str, object]:
    """What of an answer must be the same; order and the additional section are the server's."""
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=4096)
    query.flags &= ~dns.flags.RD
    answer = await Exchange(SystemNetwork()).ask(query, address, tcp=True)
    authority = {rrset.rdtype: rrset for rrset in answer.authority}
    soa = authority.get(dns.rdatatype.SOA)
    referral = authority.get(dns.rdatatype.NS) if not answer.flags & dns.flags.AA else None
    return {
        "rcode": dns.rcode.to_text(answer.rcode()),
        "aa": bool(answer.flags & dns.flags.AA),
        "answer": sorted(
            f"{rrset.name.canonicalize()} {rrset.ttl} {rrset.rdtype.name} {rdata}".lower()
            for rrset in answer.answer
            for rdata in rrset
        ),
        "soa": f"{soa.name} {soa.ttl} {soa[0]}" if soa else None,
        "referral": sorted(f"{referral.name} {rdata}" for rdata in referral) if referral else None,
    }


async def flags(address: Address, name: str, payload: int | None, *, tcp: bool) -> tuple[bool, int]:
    query = dns.message.make_query(name, "TXT", use_edns=payload is not None, payload=payload or 0)
    wire = await SystemNetwork().query(query.to_wire(), address, tcp=tcp)
    answer = dns.message.from_wire(wire)
    truncated = bool(answer.flags & dns.flags.TC)
    # BIND fills a cut answer with what fits; nobody may use that part (RFC 2181 §9)
    return truncated, 0 if truncated else sum(len(rrset) for rrset in answer.answer)


def odd_messages() -> list[bytes]:
    query = dns.message.make_query("www.example.test.", "A")
    wire = query.to_wire()
    update = bytearray(wire)
    update[2] |= 0x28  # opcode 5, with a zone section of type A
    status = bytearray(wire)
    status[2] |= 0x10
    chaos = dns.message.make_query("www.example.test.", "A", "CH").to_wire()
    version = dns.message.make_query("www.example.test.", "A")
    version.use_edns(1)
    transfer = dns.message.make_query("example.test.", "AXFR").to_wire()
    return [bytes(update), bytes(status), chaos, version.to_wire(), transfer, wire[:-3]]


async def code_for(address: Address, wire: bytes) -> str:
    answer = await SystemNetwork().query(wire, address, tcp=True)
    return dns.rcode.to_text(dns.rcode.Rcode(answer[3] & 0xF))  # from the header: it may be odd
