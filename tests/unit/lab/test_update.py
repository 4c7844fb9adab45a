"""RFC 2136 as the lab's server keeps it; each prerequisite and each rule of the update section."""

import textwrap

import dns.message
import dns.rcode
import dns.update
import pytest

from certwright.lab.update import apply_update
from certwright.lab.zone import Zone

Rcode = dns.rcode.Rcode
APEX = "example.test."


def a_zone() -> Zone:
    return Zone.parse(
        APEX,
        textwrap.dedent("""
        $TTL 300
        @     SOA ns1 admin 7 3600 600 86400 60
        @     NS  ns1
        ns1   A   192.0.2.1
        www   A   192.0.2.80
        txt   TXT "one"
        txt   TXT "two"
        alias CNAME www
        a.ent A   192.0.2.9
        """),
    )


def an_update() -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage(APEX)


def as_received(update: dns.update.UpdateMessage) -> dns.update.UpdateMessage:
    """Through the wire: only there the classes ANY and NONE become what they mean."""
    received = dns.message.from_wire(update.to_wire())
    assert isinstance(received, dns.update.UpdateMessage)
    return received


def full(name: str) -> str:
    return f"{name}.{APEX}"


def prerequisites() -> dict[str, tuple[dns.update.UpdateMessage, Rcode]]:
    cases: dict[str, tuple[dns.update.UpdateMessage, Rcode]] = {}

    def case(name: str, rcode: Rcode) -> dns.update.UpdateMessage:
        cases[name] = update, _ = an_update(), rcode
        return update

    case("name in use", Rcode.NOERROR).present(full("www"))
    case("name not in use", Rcode.NXDOMAIN).present(full("missing"))
    case("an empty name is not in use", Rcode.NXDOMAIN).present(full("ent"))
    case("set is there", Rcode.NOERROR).present(full("www"), "A")
    case("set is missing", Rcode.NXRRSET).present(full("www"), "TXT")
    case("values are equal", Rcode.NOERROR).present(full("txt"), "TXT", '"one"', '"two"')
    case("values are fewer", Rcode.NXRRSET).present(full("txt"), "TXT", '"one"')
    case("values are of nobody", Rcode.NXRRSET).present(full("missing"), "TXT", '"one"')
    case("name is free", Rcode.NOERROR).absent(full("missing"))
    case("name is taken", Rcode.YXDOMAIN).absent(full("www"))
    case("set is free", Rcode.NOERROR).absent(full("www"), "TXT")
    case("set is taken", Rcode.YXRRSET).absent(full("www"), "A")
    case("outside", Rcode.NOTZONE).present("www.elsewhere.test.")
    return cases


@pytest.mark.parametrize("name", prerequisites())
def test_prerequisites_answer_as_the_rfc_says_and_guard_the_zone(name: str) -> None:
    update, rcode = prerequisites()[name]
    update.add(full("new"), 60, "TXT", '"new"')
    zone = a_zone()

    done = apply_update(zone, as_received(update))

    assert done.rcode == rcode
    assert zone.serial == (8 if rcode is Rcode.NOERROR else 7)


def changed(update: dns.update.UpdateMessage) -> tuple[Zone, tuple[str, ...]]:
    zone = a_zone()
    done = apply_update(zone, as_received(update))
    assert done.rcode is Rcode.NOERROR
    return zone, done.changes


def test_a_record_that_is_there_changes_nothing() -> None:
    update = an_update()
    update.add(full("txt"), 300, "TXT", '"one"')

    zone, changes = changed(update)

    assert changes == ()
    assert zone.serial == 7


def test_one_value_is_removed_and_the_others_stay() -> None:
    update = an_update()
    update.delete(full("txt"), "TXT", '"one"')

    zone, changes = changed(update)

    assert changes == ('removed txt.example.test. TXT "one"',)
    assert zone.serial == 8


def test_a_whole_set_and_a_whole_name_can_be_removed() -> None:
    update = an_update()
    update.delete(full("txt"), "TXT")
    update.delete(full("www"))

    _, changes = changed(update)

    assert changes == ("removed txt.example.test. TXT", "removed www.example.test. A")


def test_the_apex_keeps_its_soa_and_its_last_server() -> None:
    update = an_update()
    update.delete(APEX)
    update.delete(APEX, "NS")
    update.delete(APEX, "SOA")
    update.delete(APEX, "NS", full("ns1"))

    zone, changes = changed(update)

    assert changes == ()
    assert zone.serial == 7


def test_an_alias_has_no_neighbours() -> None:
    update = an_update()
    update.add(full("alias"), 60, "TXT", '"x"')
    update.add(full("www"), 60, "CNAME", full("ns1"))

    assert changed(update)[1] == ()


def test_a_newer_soa_sets_the_serial_and_an_older_one_does_not() -> None:
    newer, older = an_update(), an_update()
    newer.add(APEX, 300, "SOA", f"ns1.{APEX} admin.{APEX} 100 3600 600 86400 60")
    older.add(APEX, 300, "SOA", f"ns1.{APEX} admin.{APEX} 5 3600 600 86400 60")

    assert changed(newer)[0].serial == 100
    assert changed(older)[0].serial == 7


def test_one_name_outside_refuses_the_whole_update() -> None:
    update = an_update()
    update.add(full("new"), 60, "TXT", '"x"')
    update.add("elsewhere.test.", 60, "TXT", '"x"')
    zone = a_zone()

    done = apply_update(zone, as_received(update))

    assert (done.rcode, done.changes, zone.serial) == (Rcode.NOTZONE, (), 7)


def test_the_serial_goes_around_without_zero() -> None:
    zone = Zone.parse(APEX, "@ 300 SOA ns1 admin 4294967295 3600 600 86400 60\n@ 300 NS ns1\n")

    zone.raise_serial()

    assert zone.serial == 1


def test_a_zone_without_soa_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Zone.parse(APEX, "www 300 A 192.0.2.1")
