"""Explains a proof that is under way, or failed: presented, seen, judged (compat-spec 3.16)."""

from datetime import timedelta

from msgspec.structs import replace

from certwright.api.issuer import ACMEIssuer
from certwright.api.order import Challenge, State
from certwright.api.solver import CNAMEStrategy
from certwright.base.evidence import Evidence, printable
from certwright.base.reason import Reason
from certwright.policy import challenge as policy
from certwright.policy.explain_issuer import FAULT_WORDS, names_known, reference_name
from certwright.policy.explanation import (
    Case,
    Explanation,
    Fault,
    Link,
    Named,
    Verdict,
    named,
    read_told,
)
from certwright.policy.issuer import solver_selectors
from certwright.policy.remedies import remedy_for

_WAITING = ("Waiting for ", "asked the CA without full evidence: ")
_SET_IN_SECRET = frozenset(
    {Reason.CREDENTIALS_REFUSED, Reason.SECRET_INVALID_DATA, Reason.SECRET_MISSING}
)
_SET_IN_ISSUER = frozenset(
    {Reason.REFUSED, Reason.BAD_CONFIG, Reason.INVALID_SOLVER, Reason.NOT_SERVED}
)
"""What is wrong about a solver is mended in the issuer: which server, which key, which provider."""
_ALIASED = "has an alias"
_SAME_VIEW = (
    "See that every name server of the zone gets the changes of the one that is written to, and "
    "that this machine's view of them is the world's."
)
_NOT_FOLLOWED = (
    "Set dns01.cnameStrategy of the solver of {issuer} to Follow, or remove the CNAME record of "
    "_acme-challenge.{name}."
)
_PREFIXES = (policy.FAILED_PREFIX, policy.ACCEPT_PREFIX)


def name_of(challenge: Challenge) -> str:
    """Return the name to prove, a wildcard with its `*.`."""
    return f"*.{challenge.spec.dns_name}" if challenge.spec.wildcard else challenge.spec.dns_name


def failed_challenges(link: Link) -> tuple[Challenge, ...]:
    """Return the proofs that failed."""
    return tuple(one for one in link.challenges if one.status.state.failed)


def unproven(link: Link) -> tuple[Challenge, ...]:
    """Return the proofs that are not done, or failed."""
    return tuple(one for one in link.challenges if one.status.state is not State.VALID)


def explain_challenges(case: Case, link: Link) -> Explanation:
    """Explain the Challenge that is worst off; the others are counted."""
    waiting = unproven(link)
    worst = min(waiting, key=lambda one: (_rank(one), one.metadata.name))
    explanation = explain_challenge(case, worst)
    others = len(waiting) - 1
    if others < 1:
        return explanation
    proofs = "proof of this Order is" if others == 1 else "proofs of this Order are"
    return _with_note(explanation, f"{others} more {proofs} not done either")


def explain_challenge(case: Case, challenge: Challenge) -> Explanation:
    """Say what one proof waits for, by the step that its own controller takes."""
    status = challenge.status
    if status.state.failed:
        return challenge_failure(case, challenge)
    if status.reason.startswith(_WAITING):
        return _propagating(case, challenge)
    if read_told(challenge).failed:
        return _troubled(case, challenge)
    since = status.presented_at
    facts = policy.Facts(
        challenge=challenge,
        order_over=False,
        accepted=False,
        waited=case.now - since if since is not None else timedelta(),
        evidence_limit=case.chain.evidence_limit,
    )
    match step := policy.next_step(facts, case.now):
        case policy.Wait():
            return Explanation(
                about=case.chain.about,
                verdict=Verdict.WAITING,
                sentence=f"the proof of {name_of(challenge)} waits, as its solver asks for",
                culprit=named(challenge),
                next_attempt=step.until,
            )
        case policy.AddFinalizer() | policy.Present():
            doing = "is being published"
        case policy.Check() | policy.Accept():
            doing = "is published; the name servers and the CA are looking"
        case _:
            doing = "is being taken back"
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.ISSUING,
        sentence=f"the proof of {name_of(challenge)} {doing}",
        culprit=named(challenge),
    )


def challenge_failure(case: Case, challenge: Challenge) -> Explanation:
    """The CA could not verify, or did not want to."""
    told, name = read_told(challenge), name_of(challenge)
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.FAILED,
        sentence=f"the CA did not accept the proof of {name}: {_said(challenge)}",
        culprit=named(challenge),
        fault=told.fault if told.failed else Fault.VALIDATION,
        reason=told.reason or Reason.FAILED,
        evidence=told.evidence,
        document=told.document,
        next_attempt=told.next_attempt,
        remedy=told.remedy or remedy_for(told.words, **names_known(case, name=name)),
    )


def _troubled(case: Case, challenge: Challenge) -> Explanation:
    """The answer could not be published, or the CA could not be told."""
    told, name = read_told(challenge), name_of(challenge)
    secret = _credential(case, challenge) if told.reason in _SET_IN_SECRET else None
    where = f"{secret.namespace}/{secret.name}" if secret is not None else ""
    about_secret = (Reason.CREDENTIALS_REFUSED,) if secret is not None else ()
    words = (*about_secret, *told.words, FAULT_WORDS.get(told.fault, ""))
    doing = "accepted" if challenge.status.presented else "published"
    verdict = Verdict.FAILED if told.fault in FAULT_WORDS else Verdict.STALLED
    of_issuer = reference_name(case) if told.reason in _SET_IN_ISSUER else None
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.WAITING if told.fault is Fault.RATE else verdict,
        sentence=f"the proof of {name} cannot be {doing}: {told.message or _said(challenge)}",
        culprit=secret or of_issuer or named(challenge),
        fault=told.fault,
        reason=told.reason,
        evidence=told.evidence,
        document=told.document,
        next_attempt=told.next_attempt,
        remedy=told.remedy or remedy_for(words, **names_known(case, name=name, secret=where)),
    )


def _propagating(case: Case, challenge: Challenge) -> Explanation:
    """The record is published, but not all servers have it."""
    status, name = challenge.status, name_of(challenge)
    asked = status.reason.startswith(_WAITING[1])
    message, evidence = read_servers(status.reason)
    aliased = any(one.seen.startswith(_ALIASED) for one in evidence)
    follows = challenge.spec.solver.dns01 is not None and (
        challenge.spec.solver.dns01.cname_strategy is CNAMEStrategy.FOLLOW
    )
    remedy = _NOT_FOLLOWED.format(issuer=reference_name(case), name=challenge.spec.dns_name)
    since = status.presented_at
    limit = case.chain.evidence_limit
    if asked:
        sentence = f"the CA was asked about {name}, although not all name servers had its record"
        until = None
    else:
        sentence = f"not all name servers have the TXT record of {name}: {message}"
        until = since + limit if since is not None else None
    pace = (
        "the servers are asked again every few seconds; after "
        f"{int(limit.total_seconds())}s without full evidence the CA is asked anyway"
    )
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.WAITING,
        sentence=sentence,
        culprit=named(challenge),
        fault=Fault.VALIDATION,
        evidence=evidence,
        next_attempt=until,
        remedy=remedy if aliased and not follows else _SAME_VIEW,
        notes=() if asked else (pace,),
    )


def read_servers(reason: str) -> tuple[str, tuple[Evidence, ...]]:
    """Read the report per server out of a Challenge's reason: `message; server: what it said`."""
    said = reason.partition("propagation: ")[2] or reason.removeprefix(_WAITING[1])
    message, *parts = printable(said).split("; ")
    evidence: list[Evidence] = []
    for part in parts:
        subject, colon, seen = part.partition(": ")
        if colon:
            evidence.append(Evidence(subject, seen))
        elif evidence:  # a server's own words had a semicolon
            last = evidence.pop()
            evidence.append(Evidence(last.subject, f"{last.seen}; {part}"))
    return message, tuple(evidence)


def _credential(case: Case, challenge: Challenge) -> Named | None:
    """Return the Secret that the solver authenticates with."""
    issuer = case.chain.issuer
    acme = issuer.spec.acme if issuer is not None else None
    if acme is None:
        return None
    names = {selector.name for selector in solver_selectors(acme)}
    used = {
        selector.name
        for selector in solver_selectors(_only(acme, challenge))
        if selector.name in names
    }
    name = min(used, default="")
    return Named("Secret", name, case.chain.issuer_namespace) if name else None


def _only(acme: ACMEIssuer, challenge: Challenge) -> ACMEIssuer:
    return replace(acme, solvers=(challenge.spec.solver,))


def _said(challenge: Challenge) -> str:
    text = challenge.status.reason
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return printable(text) or "no reason is known"


def _rank(challenge: Challenge) -> int:
    if challenge.status.state.failed:
        return 0
    if challenge.status.reason.startswith(_WAITING):
        return 2
    return 1 if read_told(challenge).failed else 3


def _with_note(explanation: Explanation, note: str) -> Explanation:
    return replace(explanation, notes=(*explanation.notes, note))
