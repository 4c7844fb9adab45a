"""Putting certificates in order: compat-spec 5.4."""

import random
from itertools import permutations

import pytest

from certwright.pki.certificate import KeyPair, sign_certificate
from certwright.pki.chain import build_chain
from certwright.pki.errors import BadCertificate, BrokenChain
from certwright.pki.pem import Limits, decode_pem, encode_pem
from tests.unit.pki.builders import (
    a_csr,
    a_key,
    a_leaf,
    a_request,
    a_root,
    a_self_signed_leaf,
    a_template,
    an_intermediate,
)

BROKEN = "certificate chain is malformed or broken"


def test_any_order_becomes_leaf_first_with_the_root_as_ca() -> None:
    root = a_root()
    upper = an_intermediate("upper", root)
    lower = an_intermediate("lower", upper)
    leaf = a_leaf(lower)

    chains = {
        build_chain(order)
        for order in permutations([leaf, lower.certificate, upper.certificate, root.certificate])
    }

    (chain,) = chains
    assert chain.chain == leaf + lower.certificate + upper.certificate
    assert chain.ca == root.certificate


def test_without_the_root_the_topmost_intermediate_is_ca_and_stays() -> None:
    upper = an_intermediate("upper", a_root())
    lower = an_intermediate("lower", upper)
    leaf = a_leaf(lower)

    chain = build_chain([leaf + upper.certificate, lower.certificate])

    assert chain.chain == leaf + lower.certificate + upper.certificate
    assert chain.ca == upper.certificate


def test_a_lone_self_signed_ca_is_chain_and_ca() -> None:
    root = a_root().certificate

    chain = build_chain([root])

    assert (chain.chain, chain.ca) == (root, root)


def test_a_lone_self_signed_leaf_is_a_chain_without_ca() -> None:
    lone = a_self_signed_leaf()

    chain = build_chain([lone])

    assert (chain.chain, chain.ca) == (lone, b"")


def test_a_lone_leaf_is_a_chain_without_ca() -> None:
    leaf = a_leaf(a_root())

    chain = build_chain([leaf])

    assert (chain.chain, chain.ca) == (leaf, b"")


def test_a_lone_intermediate_is_a_chain_without_ca() -> None:
    intermediate = an_intermediate("upper", a_root()).certificate

    assert build_chain([intermediate]).ca == b""


def test_duplicates_are_dropped() -> None:
    root = a_root()
    leaf = a_leaf(root)

    chain = build_chain([leaf + root.certificate, root.certificate, leaf])

    assert (chain.chain, chain.ca) == (leaf, root.certificate)


@pytest.mark.parametrize("related", [True, False])
def test_certificates_that_do_not_link_are_refused(*, related: bool) -> None:
    root = a_root()
    pems = [a_leaf(root), a_root("stranger", key=a_key(name="stranger")).certificate]
    if related:
        pems.append(root.certificate)

    with pytest.raises(BrokenChain, match=BROKEN):
        build_chain(pems)


def test_two_leaves_of_one_ca_are_refused() -> None:
    root = a_root()

    with pytest.raises(BrokenChain, match=BROKEN):
        build_chain([a_leaf(root), a_leaf(root), root.certificate])


def test_a_namesake_with_another_key_is_no_issuer() -> None:
    leaf = a_leaf(a_root())
    namesake = a_root("root", key=a_key(name="namesake"))

    with pytest.raises(BrokenChain, match=BROKEN):
        build_chain([leaf, namesake.certificate])


def test_a_certificate_that_is_no_ca_issues_nothing() -> None:
    lone = KeyPair(a_key(), a_self_signed_leaf())
    leaf = sign_certificate(a_template(a_csr(request=a_request(dns=("b",)))), issuer=lone)

    with pytest.raises(BrokenChain, match=BROKEN):
        build_chain([leaf, lone.certificate])


def test_a_cross_signed_ca_takes_its_place_in_the_one_chain() -> None:
    new_root = a_root("new", key=a_key(name="new"))
    old_root = a_root("old", key=a_key(name="old"))
    cross = an_intermediate("new", old_root, key=new_root.key)
    leaf = a_leaf(new_root)

    chain = build_chain([old_root.certificate, cross.certificate, leaf])

    assert chain.chain == leaf + cross.certificate
    assert chain.ca == old_root.certificate


def test_of_several_issuers_the_path_that_uses_every_certificate_is_found() -> None:
    new_root = a_root("new", key=a_key(name="new"))
    old_root = a_root("old", key=a_key(name="old"))
    cross = an_intermediate("new", old_root, key=new_root.key)
    leaf = a_leaf(new_root)

    chains = {
        build_chain(order)
        for order in permutations(
            [leaf, new_root.certificate, cross.certificate, old_root.certificate]
        )
    }

    (chain,) = chains
    assert chain.chain == leaf + new_root.certificate + cross.certificate
    assert chain.ca == old_root.certificate


def test_a_renewed_ca_beside_its_older_certificate_is_left_over() -> None:
    root = a_root()
    older, newer = (an_intermediate("lower", root, key=a_key(name="lower")) for _ in range(2))

    with pytest.raises(BrokenChain, match="not every certificate is part of the chain"):
        build_chain([a_leaf(older), older.certificate, newer.certificate, root.certificate])


def test_a_malformed_extension_breaks_the_chain() -> None:
    root = a_root().certificate
    encoded = decode_pem(root)[0].der
    damaged = encoded.replace(b"\x30\x03\x01\x01\xff", b"\x30\x09\x01\x01\xff")

    with pytest.raises(BrokenChain, match="malformed DER"):
        build_chain([encode_pem("CERTIFICATE", damaged)])


def test_two_cas_that_cross_sign_each_other_alone_are_refused() -> None:
    first, second = a_root("a", key=a_key(name="a")), a_root("b", key=a_key(name="b"))
    one = an_intermediate("a", second, key=first.key)
    other = an_intermediate("b", first, key=second.key)

    with pytest.raises(BrokenChain, match="0 certificates issued none of the others"):
        build_chain([one.certificate, other.certificate])


def test_many_cross_signatures_are_given_up_in_bounded_time() -> None:
    first, second = a_root("a", key=a_key(name="a")), a_root("b", key=a_key(name="b"))
    knot = [
        an_intermediate(name, issuer, key=key.key).certificate
        for _ in range(6)
        for name, issuer, key in (("a", second, first), ("b", first, second))
    ]
    stray = an_intermediate("a", a_root("gone", key=a_key(name="gone")), key=first.key)
    lower = an_intermediate("lower", stray)
    lone = an_intermediate("lower", a_root("gone", key=a_key(name="gone")), key=lower.key)

    with pytest.raises(BrokenChain, match="not every certificate"):
        build_chain([a_leaf(lower), lower.certificate, lone.certificate, *knot])


def test_a_long_chain_is_ordered() -> None:
    issuer = a_root()
    pems = [issuer.certificate]
    for number in range(60):
        issuer = an_intermediate(f"{number}", issuer, key=a_key(name=str(number % 3)))
        pems.append(issuer.certificate)
    shuffled = random.Random(1).sample(pems, len(pems))

    chain = build_chain(shuffled)

    assert chain.chain == b"".join(reversed(pems[1:]))
    assert chain.ca == pems[0]


def test_no_certificates_are_refused() -> None:
    with pytest.raises(BrokenChain, match="no certificates"):
        build_chain([])
    with pytest.raises(BadCertificate, match="no PEM block"):
        build_chain([b""])


def test_more_than_a_thousand_certificates_are_refused() -> None:
    template = a_template()
    root = a_root()
    pems = b"".join(sign_certificate(template, issuer=root) for _ in range(1001))

    with pytest.raises(BrokenChain, match="more than 1000"):
        build_chain([pems], limits=Limits(chain=10_000_000))
