"""Chapter 10 of the compatibility specification: which test holds each row that concerns issuing.

A row that design §10 changes on purpose is excepted by its number, with the new behaviour's test.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent.parent

ROWS: dict[int, tuple[str, str]] = {
    31: (
        "unit/controllers/test_requests.py",
        "test_the_lifetime_is_90_days_or_what_was_asked_for_even_beyond_the_cas",
    ),
    32: (
        "unit/pki/test_signing.py",
        "test_basic_constraints_are_always_there_critical_and_without_path_length",
    ),
    33: (
        "unit/pki/test_signing.py",
        "test_names_are_copied_byte_for_byte_and_their_criticality_is_computed_anew",
    ),
    34: ("unit/policy/test_order.py", "test_a_common_name_must_be_among_the_other_names"),
    35: (
        "unit/pki/test_literal.py",
        "test_rdns_are_written_in_reverse_order_with_the_common_string_rule",
    ),
    36: (
        "unit/policy/test_request.py",
        "test_every_request_is_approved_whatever_its_issuers_group",
    ),
    37: ("unit/policy/test_request.py", "test_the_condition_has_one_of_four_reasons"),
    38: ("unit/api/test_rules.py", "test_the_object_is_refused_exactly_where_it_is_wrong"),
    39: ("unit/api/test_rules.py", "test_the_object_is_refused_exactly_where_it_is_wrong"),
    41: (
        "unit/policy/test_request.py",
        "test_an_issuer_that_is_not_ready_is_waited_for_without_failure",
    ),
    55: (
        "unit/controllers/test_requests.py",
        "test_an_order_of_an_older_request_by_that_name_is_waited_out",
    ),
    56: (
        "unit/controllers/test_acme_failures.py",
        "test_challenges_of_a_failed_order_stay_and_their_records_go",
    ),
    57: ("unit/policy/test_solver.py", "test_the_best_match_is_chosen"),
    63: (
        "unit/controllers/test_requests.py",
        "test_a_ca_issuer_with_its_key_pair_is_ready_with_an_event",
    ),
    64: ("unit/acme/test_certificate.py", "test_default_is_taken_when_no_bundle_fits"),
    65: (
        "unit/controllers/test_acme_issuer.py",
        "test_a_cluster_issuers_key_is_in_the_cluster_resource_namespace",
    ),
}

EXCEPTED: dict[int, tuple[str, str, str]] = {
    49: (
        "apex and wildcard are proven side by side",
        "unit/controllers/test_acme_issuance.py",
        "test_both_challenges_of_a_name_are_presented_before_one_is_proven",
    ),
    50: (
        "there is no scheduler and no limit over all names",
        "unit/policy/test_challenge.py",
        "test_the_answer_is_presented_then_looked_for",
    ),
    52: (
        "evidence of all servers instead of 60 s of sleep",
        "unit/policy/test_challenge.py",
        "test_evidence_of_all_servers_is_accepted_at_once",
    ),
    53: (
        "after 120 s without full evidence the CA is asked once anyway",
        "unit/controllers/test_acme_issuance.py",
        "test_the_ca_is_asked_anyway_after_the_limit",
    ),
    54: (
        "HTTP 429 is a matter of time, never the end",
        "unit/controllers/test_acme_failures.py",
        "test_a_rate_limit_is_waited_for_until_the_named_time",
    ),
    61: (
        "new account keys are ES256; RSA is taken as it is",
        "unit/controllers/test_acme_issuer.py",
        "test_a_missing_key_is_made_and_the_account_registered",
    ),
    62: (
        "Orders do not wait for the issuer's first sync in this process",
        "unit/controllers/test_acme_issuer.py",
        "test_an_order_does_not_wait_for_its_issuers_first_look_after_a_restart",
    ),
}

ELSEWHERE = {
    30: "isCA needs no other field: the rules' corpus",
    40: "identity is overwritten by an API server's policy, there is none on the embedded store",
    42: "Vault is not served yet",
    66: "no provider takes ambient credentials yet",
}


@pytest.mark.parametrize("row", sorted(ROWS))
def test_the_row_is_held_by_a_test(row: int) -> None:
    module, name = ROWS[row]

    assert name in _names(module)


@pytest.mark.parametrize("row", sorted(EXCEPTED))
def test_the_exception_is_held_by_a_test(row: int) -> None:
    why, module, name = EXCEPTED[row]

    assert why
    assert name in _names(module)


def test_every_row_about_issuing_has_its_place() -> None:
    concerned = {*range(30, 43), 49, 50, *range(52, 58), *range(61, 67)}

    assert {*ROWS, *EXCEPTED, *ELSEWHERE} == concerned


def _names(module: str) -> set[str]:
    tree = ast.parse((TESTS / module).read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
