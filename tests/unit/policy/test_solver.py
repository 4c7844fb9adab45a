"""Selection of solvers: compat-spec 6.5 and row 57 of its chapter 10."""

import pytest

from certwright.api.order import ChallengeType
from certwright.api.solver import ACMEChallengeSolver
from certwright.policy.solver import NO_SOLVER, choose_solver, name_of
from tests.acme_objects import a_dns_solver, an_authorization, an_http_solver

PLAIN = a_dns_solver("plain")
EMPTY = ACMEChallengeSolver(dns01=PLAIN.dns01, selector=a_dns_solver("x", dns_zones=()).selector)
NAMED = a_dns_solver("named", dns_names=("www.example.com",))
ZONE = a_dns_solver("zone", dns_zones=("example.com",))
LONGER = a_dns_solver("longer", dns_zones=("com", "www.example.com"))
LABELLED = a_dns_solver("labelled", match_labels={"team": "web"})
TWO_LABELS = a_dns_solver("two", match_labels={"team": "web", "tier": "1"})
LABELS = {"team": "web", "tier": "1"}


@pytest.mark.parametrize(
    ("solvers", "place"),
    [
        pytest.param((PLAIN, a_dns_solver("other")), 0, id="the first without selector wins"),
        pytest.param((PLAIN, NAMED), 1, id="a name beats none"),
        pytest.param((NAMED, ZONE), 0, id="a name beats a zone"),
        pytest.param((LONGER, NAMED), 1, id="a name beats the longest zone"),
        pytest.param((ZONE, LONGER), 1, id="the longer zone wins"),
        pytest.param((LABELLED, ZONE), 1, id="a zone beats labels"),
        pytest.param((LABELLED, TWO_LABELS), 1, id="more labels win"),
        pytest.param((PLAIN, LABELLED), 1, id="a label beats no selector"),
        pytest.param((PLAIN, EMPTY), 0, id="an empty selector is no better than none"),
        pytest.param((ZONE, a_dns_solver("z", dns_zones=("example.com",))), 0, id="ties: earlier"),
        pytest.param((a_dns_solver("z", dns_zones=("org",)), PLAIN), 1, id="a wrong zone is out"),
        pytest.param((a_dns_solver("z", dns_zones=("ample.com",)), PLAIN), 1, id="labels not text"),
        pytest.param((a_dns_solver("z", match_labels={"team": "x"}), PLAIN), 1, id="wrong label"),
    ],
)
def test_the_best_match_is_chosen(solvers: tuple[ACMEChallengeSolver, ...], place: int) -> None:
    choice = choose_solver(an_authorization(), solvers, LABELS)

    assert choice.place == place
    assert choice.solver is solvers[place]


def test_all_parts_of_a_selector_must_match() -> None:
    solver = a_dns_solver("x", dns_zones=("example.com",), dns_names=("other.example.com",))

    choice = choose_solver(an_authorization(), (solver,), {})

    assert choice.solver is None


def test_names_of_a_selector_are_compared_with_the_wildcard() -> None:
    solver = a_dns_solver("x", dns_names=("*.example.com",))

    assert choose_solver(an_authorization("*.example.com"), (solver,), {}).solver is solver
    assert choose_solver(an_authorization("example.com"), (solver,), {}).solver is None


def test_zones_of_a_selector_are_compared_without_the_wildcard() -> None:
    solver = a_dns_solver("x", dns_zones=("example.com",))

    assert choose_solver(an_authorization("*.example.com"), (solver,), {}).solver is solver


def test_http01_is_left_out_for_wildcards_because_the_ca_offers_only_dns01() -> None:
    choice = choose_solver(an_authorization("*.example.com"), (an_http_solver(), PLAIN), {})

    assert choice.place == 1
    assert choice.type is ChallengeType.DNS01
    assert choice.considered[0].why == "the CA offers no http-01 challenge"


def test_http01_takes_its_own_offer() -> None:
    choice = choose_solver(an_authorization(), (an_http_solver(),), {})

    assert choice.type is ChallengeType.HTTP01
    assert choice.challenge is not None
    assert choice.challenge.type == "http-01"


def test_no_solver_is_explained_by_the_reason_of_each() -> None:
    solvers = (
        ACMEChallengeSolver(),
        a_dns_solver("a", dns_zones=("example.org",)),
        a_dns_solver("b", match_labels={"team": "web"}),
        a_dns_solver("c", dns_names=("a.example.com",)),
    )

    choice = choose_solver(an_authorization(), solvers, {})

    assert choice.explanation == (
        f"{NO_SOLVER}: www.example.com (solver 0: it names neither http01 nor dns01;"
        " solver 1: www.example.com is not in one of its dnsZones;"
        " solver 2: the Certificate lacks the label team=web;"
        " solver 3: www.example.com is not among its dnsNames)"
    )


def test_an_issuer_without_solvers_says_so() -> None:
    choice = choose_solver(an_authorization(), (), {})

    assert choice.explanation.endswith("(the issuer has no solvers)")


def test_a_choice_is_explained_by_what_matched() -> None:
    solver = a_dns_solver(
        "x", dns_names=("www.example.com",), dns_zones=("example.com",), match_labels={"a": "b"}
    )

    explanation = choose_solver(an_authorization(), (PLAIN, EMPTY, solver), {"a": "b"}).explanation

    assert explanation == (
        "www.example.com: solver 2 is used (solver 0: it takes every name;"
        " solver 1: its selector is empty; solver 2: its dnsNames have the name,"
        " its zone fits by 2 labels, 1 of its labels match)"
    )


def test_a_wildcard_keeps_its_star_in_its_name() -> None:
    assert name_of(an_authorization("*.example.com")) == "*.example.com"
    assert name_of(an_authorization("example.com")) == "example.com"
