"""Explains an Order under way: account, CA, solvers; then its Challenges (3.15, 6.3-6.5)."""

from certwright.api.order import Order
from certwright.api.request import CertificateRequest
from certwright.base.evidence import Evidence
from certwright.base.reason import Reason
from certwright.policy import order as policy
from certwright.policy.explain_challenge import explain_challenges, unproven
from certwright.policy.explain_issuer import (
    FAULT_WORDS,
    WORDS_OF_ACCOUNTS,
    names_known,
    reference_name,
)
from certwright.policy.explanation import (
    Case,
    Explanation,
    Fault,
    Link,
    Named,
    Told,
    Verdict,
    acme_word,
    named,
    read_told,
)
from certwright.policy.remedies import remedy_for


def explain_order(case: Case, link: Link) -> Explanation:  # noqa: PLR0911  # one guard a line
    """Say what an ACME issuance waits for, by the step that the Order's own controller takes."""
    order, issuer = link.order, case.chain.issuer
    if order is None:
        return _before_order(case, link.attempt.request)
    if order.status.state.failed:
        return order_failure(case, order)
    why = _distrust(order, link)
    if why or issuer is None or issuer.spec.acme is None:
        return _not_ours(case, order, why or "its issuer is not ACME")
    account = _account_problem(case)
    if account is not None:
        return account
    facts = policy.Facts(order=order, solvers=issuer.spec.acme.solvers, challenges=link.challenges)
    match step := policy.next_step(facts):
        case policy.NoSolver():
            return _no_solver(case, step)
        case policy.Distrust():
            return _not_ours(case, order, step.why)
        case policy.Idle() | policy.Ask() if unproven(link):
            return explain_challenges(case, link)
        case _:
            told = read_told(order)
            return order_trouble(case, order, told) if told.failed else _progress(case, order, step)


def order_failure(case: Case, order: Order) -> Explanation:
    """The Order ended without a certificate."""
    told = read_told(order)
    word = acme_word(told.document)
    # RFC 8555 §7.4: who may order at all is said before there is an order to speak of
    of_account = word in WORDS_OF_ACCOUNTS or (word == "unauthorized" and not order.status.url)
    words = ("accountRefused",) if word == "unauthorized" and of_account else told.words
    acme = case.chain.issuer.spec.acme if case.chain.issuer is not None else None
    key = acme.private_key_secret_ref.name if acme is not None else ""
    known = names_known(case, secret=f"{case.chain.issuer_namespace}/{key}" if key else "")
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.FAILED,
        sentence=f"{named(order)} ended as {order.status.state}: "
        f"{order.status.reason or told.message or 'the CA said no more'}",
        culprit=reference_name(case) if of_account else named(order),
        fault=told.fault if told.failed else Fault.POLICY,
        reason=told.reason or Reason.ORDER_FAILED,
        evidence=told.evidence,
        document=told.document,
        next_attempt=told.next_attempt,
        remedy=told.remedy or remedy_for(words, **known),
    )


def order_trouble(case: Case, order: Order, told: Told) -> Explanation:
    """The CA does not answer, or not now."""
    retried = told.fault in FAULT_WORDS or told.next_attempt is not None
    verdict = Verdict.WAITING if told.fault is Fault.RATE else Verdict.FAILED
    words = (*told.words[:1], FAULT_WORDS.get(told.fault, ""), *told.words[1:])
    return Explanation(
        about=case.chain.about,
        verdict=verdict if retried else Verdict.STALLED,
        sentence=f"{named(order)} does not get on: {told.message or 'the CA did not answer'}",
        culprit=named(order),
        fault=told.fault,
        reason=told.reason,
        evidence=told.evidence,
        document=told.document,
        next_attempt=told.next_attempt,
        remedy=told.remedy or remedy_for(words, **names_known(case)),
    )


def _before_order(case: Case, request: CertificateRequest) -> Explanation:
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.ISSUING,
        sentence=f"the Order of {named(request)} is about to be made",
        culprit=named(request),
    )


def _distrust(order: Order, link: Link) -> str:
    if link.attempt.csr is None:
        return f"the CSR of its CertificateRequest cannot be read: {link.attempt.csr_error}"
    return policy.distrust_of_order(order, link.attempt.request, link.attempt.csr)


def _not_ours(case: Case, order: Order, why: str) -> Explanation:
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.STALLED,
        sentence=f"{named(order)} is ignored: {why}",
        culprit=named(order),
        fault=Fault.CONFIGURATION,
        reason=Reason.NOT_OURS,
        remedy=remedy_for((Reason.NOT_OURS,)),
    )


def _account_problem(case: Case) -> Explanation | None:
    """The issuer was ready, but its account key is gone since."""
    issuer = case.chain.issuer
    acme = issuer.spec.acme if issuer is not None else None
    if acme is None:
        return None
    name = acme.private_key_secret_ref.name
    if any(secret.metadata.name == name for secret in case.chain.secrets):
        return None
    secret = Named("Secret", name, case.chain.issuer_namespace)
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.WAITING,
        sentence=f"the account key of {reference_name(case)} is not there: {secret} is missing",
        culprit=secret,
        fault=Fault.CONFIGURATION,
        reason=Reason.SECRET_MISSING,
        remedy=remedy_for((Reason.ERR_VERIFY_ACME_ACCOUNT,), secret=f"{secret.namespace}/{name}"),
    )


def _no_solver(case: Case, step: policy.NoSolver) -> Explanation:
    """Show, name by name, why each solver of the issuer matches or not."""
    names = ", ".join(choice.name for choice in step.choices)
    evidence = []
    for choice in step.choices:
        evidence += [Evidence(choice.name, str(one)) for one in choice.considered]
        if choice.solver is not None:
            said = f"solver {choice.place} is chosen, but {choice.type} is not served yet"
            evidence.append(Evidence(choice.name, said))
        elif not choice.considered:
            evidence.append(Evidence(choice.name, "the issuer has no solvers"))
    chosen = any(choice.solver is not None for choice in step.choices)
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.STALLED,
        sentence=f"no solver of {reference_name(case)} can prove {names}",
        culprit=reference_name(case),
        fault=Fault.CONFIGURATION,
        reason=Reason.NOT_SERVED if chosen else Reason.SOLVER,
        evidence=tuple(evidence),
        remedy=remedy_for((Reason.SOLVER,), **names_known(case)),
    )


def _progress(case: Case, order: Order, step: policy.Step) -> Explanation:
    match step:
        case policy.Place():
            doing = "is about to be placed at the CA"
        case policy.ReadAuthorizations():
            doing = "is placed; what must be proven is being read"
        case policy.Create():
            doing = f"gets Challenges for {len(step.wanted)} names"
        case policy.Ask():
            doing = "is being worked on by the CA"
        case policy.Idle() | policy.Delete():
            doing = "is done; its certificate is being handed on"
        case _:
            doing = "is being worked on"
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.ISSUING,
        sentence=f"{named(order)} {doing}",
        culprit=named(order),
    )
