"""The table of usages in compat-spec 5.1."""

import pytest

from certwright.pki.errors import PkiError
from certwright.pki.usages import KeyUsage, Usage, key_usages

KEY_USAGES = {
    "signing": "digitalSignature",
    "digital signature": "digitalSignature",
    "content commitment": "contentCommitment",
    "key encipherment": "keyEncipherment",
    "key agreement": "keyAgreement",
    "data encipherment": "dataEncipherment",
    "cert sign": "keyCertSign",
    "crl sign": "cRLSign",
    "encipher only": "encipherOnly",
    "decipher only": "decipherOnly",
}
EXTENDED = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}


@pytest.mark.parametrize(("word", "usage"), KEY_USAGES.items())
def test_a_usage_stands_for_a_key_usage_bit(word: str, usage: str) -> None:
    assert key_usages((word,), is_ca=False) == (frozenset({KeyUsage(usage)}), ())


@pytest.mark.parametrize(("word", "oid"), EXTENDED.items())
def test_a_usage_stands_for_an_extended_key_usage(word: str, oid: str) -> None:
    assert key_usages((word,), is_ca=False) == (frozenset(), (oid,))


def test_the_two_tables_name_every_usage() -> None:
    assert {usage.value for usage in Usage} == KEY_USAGES.keys() | EXTENDED.keys()


def test_no_usages_stand_for_signature_and_encipherment_without_server_auth() -> None:
    usages, extended = key_usages((), is_ca=False)

    assert usages == {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_ENCIPHERMENT}
    assert extended == ()


def test_a_ca_may_also_sign_certificates() -> None:
    usages, _ = key_usages(("digital signature",), is_ca=True)

    assert usages == {KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_CERT_SIGN}


def test_extended_key_usages_keep_the_order_of_the_usages() -> None:
    _, extended = key_usages(
        ("client auth", "s/mime", "server auth", "email protection"), is_ca=False
    )

    assert extended == ("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.1")


def test_words_that_are_no_usages_are_all_named() -> None:
    with pytest.raises(PkiError, match=r"unknown key usages: 'flying', 'Signing'"):
        key_usages(("flying", "signing", "Signing"), is_ca=False)
