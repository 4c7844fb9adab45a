import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certwright.lab.zone import Found, NoData, NoName, RdataType, Referral, Zone
from tests.unit.dns.world import zone

RECORDS = """
a.b.ent  A     192.0.2.7
*.wild   TXT   "wild"
sub.wild A     192.0.2.8
alias    CNAME ns1
child    NS    ns.child
ns.child A     192.0.2.9
"""


def find(name: str, rdtype: str = "TXT") -> object:
    full = dns.name.from_text(name, dns.name.from_text("example.test."))
    return zone(RECORDS).find(full, dns.rdatatype.from_text(rdtype))


@pytest.mark.parametrize(
    ("name", "rdtype", "kind"),
    [
        ("ns1", "A", Found),
        ("ns1", "TXT", NoData),
        ("missing", "A", NoName),
        ("ent", "A", NoData),
        ("b.ent", "A", NoData),
        ("x.wild", "TXT", Found),
        ("x.wild", "A", NoData),
        ("x.y.wild", "TXT", Found),
        ("sub.wild", "TXT", NoData),
        ("x.sub.wild", "TXT", NoName),
        ("*.wild", "TXT", Found),
        ("alias", "A", Found),
        ("child", "A", Referral),
        ("x.child", "A", Referral),
        ("child", "DS", NoData),
    ],
)
def test_each_name_is_answered_by_the_algorithm_of_the_rfc(
    name: str, rdtype: str, kind: type
) -> None:
    assert type(find(name, rdtype)) is kind


def test_an_alias_says_where_to_go_on() -> None:
    found = find("alias", "A")

    assert isinstance(found, Found)
    assert found.alias == dns.name.from_text("ns1.example.test.")


def test_a_referral_brings_the_addresses_below_the_cut() -> None:
    found = find("x.child", "A")

    assert isinstance(found, Referral)
    assert [str(record) for record in found.glue] == ["ns.child.example.test. 300 IN A 192.0.2.9"]


def test_a_negative_answer_lives_as_long_as_the_zone_says() -> None:
    assert zone().negative_soa().ttl == 60
    assert zone().soa.ttl == 300


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12))
def test_what_was_added_and_removed_leaves_nothing(pairs: list[tuple[str, str]]) -> None:
    subject: Zone = zone()
    names = [dns.name.from_text(f"{label}.example.test.") for label, _ in pairs]
    rdatas = [dns.rdata.from_text("IN", "TXT", value) for _, value in pairs]

    for name, rdata in zip(names, rdatas, strict=True):
        subject.add(name, 60, rdata)
    for name, rdata in zip(names, rdatas, strict=True):
        subject.remove_record(name, rdata)

    assert not any(subject.exists(name) for name in names)
    assert subject.at(subject.apex, RdataType.SOA) is not None
