"""Explains an issuer that is not there, not ready, or has lost what it signs with."""

import re
from collections.abc import Mapping
from difflib import get_close_matches

from certwright.api.certificate import READY
from certwright.api.conditions import find_condition
from certwright.api.issuer import AnyIssuer
from certwright.api.meta import IssuerReference
from certwright.base.backoff import ISSUANCE
from certwright.base.evidence import Evidence
from certwright.base.problem import Cause
from certwright.base.reason import Reason
from certwright.policy.explanation import (
    Case,
    Explanation,
    Fault,
    Named,
    Told,
    Verdict,
    named,
    read_told,
)
from certwright.policy.issuer import secret_names
from certwright.policy.remedies import remedy_for
from certwright.policy.request import not_found

KINDS = ("Issuer", "ClusterIssuer")

FAULT_WORDS: Mapping[Fault, str] = {
    Fault.TRANSPORT: Reason.CONNECTION_FAILED,
    Fault.SERVER: Reason.SERVER_ERROR,
    Fault.RATE: Reason.RATE_LIMITED,
}
"""Where the class of a failure says more of the remedy than the word of what was tried."""

_FAULTS: Mapping[str, Fault] = {
    Reason.CONNECTION_FAILED: Fault.TRANSPORT,
    Reason.SERVER_ERROR: Fault.SERVER,
    Reason.RATE_LIMITED: Fault.RATE,
    Reason.REFUSED: Fault.POLICY,
}
_RETRIED = frozenset({Fault.TRANSPORT, Fault.SERVER, Fault.RATE})
WORDS_OF_ACCOUNTS = frozenset(
    {
        "accountDoesNotExist",
        "badPublicKey",
        "externalAccountRequired",
        "invalidContact",
        "unsupportedContact",
        "userActionRequired",
    }
)
_WORD = re.compile(r"\((\w+)\)$")


def reference_name(case: Case) -> Named:
    """Name the issuer that the Certificate refers to, there or not."""
    reference, namespace = _reference(case), case.chain.about.namespace
    kind = reference.effective_kind
    return Named(kind, reference.name, "" if kind == "ClusterIssuer" else namespace)


def names_known(case: Case, **more: str) -> dict[str, str]:
    """Return what the sentences of remedies are filled with."""
    chain = case.chain
    acme = chain.issuer.spec.acme if chain.issuer is not None else None
    about = chain.about
    names = case.seen.certificate.spec.dns_names
    known = {
        "certificate": f"{about.namespace}/{about.name}",
        "name_only": about.name,
        "namespace": about.namespace,
        "issuer": str(reference_name(case)),
        "server": acme.server if acme is not None else "",
        "name": ", ".join(names[:3]),
        **more,
    }
    return {word: text for word, text in known.items() if text}


def explain_missing_issuer(case: Case) -> Explanation:
    """The issuer is not there: is it a typo, the wrong kind, the wrong namespace?"""
    wanted, reference = reference_name(case), _reference(case)
    if wanted.kind not in KINDS:
        sentence = f"spec.issuerRef.kind {wanted.kind} is no kind of issuer"
        remedy = "Set spec.issuerRef.kind to Issuer or ClusterIssuer."
    else:
        sentence = f"{wanted} does not exist"
        remedy = _likely(case, wanted)
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.STALLED,
        sentence=sentence,
        culprit=wanted,
        fault=Fault.CONFIGURATION,
        reason=Reason.ISSUER_NOT_FOUND,
        evidence=(
            Evidence("CertificateRequest", not_found(reference)),
            Evidence("issuers that exist", ", ".join(map(str, case.chain.issuers[:8])) or "none"),
        ),
        remedy=remedy,
    )


def _likely(case: Case, wanted: Named) -> str:
    """Say which issuer was probably meant."""
    for one in case.chain.issuers:
        if one.name != wanted.name:
            continue
        if one.kind == "ClusterIssuer" or one.namespace == case.chain.about.namespace:
            return f"Set spec.issuerRef.kind to {one.kind}: there is {one}."
    usable = {
        one.name: one for one in case.chain.issuers if one.namespace in ("", wanted.namespace)
    }
    close = get_close_matches(wanted.name, usable, n=1)
    if close:
        return f"Did you mean {usable[close[0]]}? Correct spec.issuerRef."
    elsewhere = [one for one in case.chain.issuers if one.name == wanted.name]
    if elsewhere:
        return f"An Issuer signs for its own namespace only: {elsewhere[0]} is in another one."
    return f"Create {wanted}, or name one that exists in spec.issuerRef."


def explain_foreign_issuer(case: Case) -> Explanation:
    """The issuer is another program's."""
    wanted, group = reference_name(case), _reference(case).effective_group
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.WAITING,
        sentence=f"the controller of the issuer group {group} has not answered yet",
        culprit=wanted,
        fault=Fault.CONFIGURATION,
        reason=Reason.PENDING,
        remedy=f"See that the controller of {group} runs, or leave spec.issuerRef.group empty for "
        "cert-manager.io's.",
    )


def explain_issuer(case: Case, issuer: AnyIssuer) -> Explanation:
    """The issuer cannot sign: its Ready condition says why."""
    who = named(issuer)
    ready = find_condition(issuer.status.conditions, READY)
    if ready is None:
        return Explanation(
            about=case.chain.about,
            verdict=Verdict.ISSUING,
            sentence=f"{who} has not been checked yet",
            culprit=who,
            reason=Reason.ISSUER_NOT_READY,
        )
    told = read_told(issuer)
    fault = told.fault if told.fault in _RETRIED else _FAULTS.get(ready.reason, Fault.CONFIGURATION)
    bound = _external_account(case, issuer, ready.message)
    secret = bound or secret_in_doubt(case, ready.message)
    if ready.reason == Reason.ERR_VERIFY_ACME_ACCOUNT and issuer.spec.acme is not None:
        account = issuer.spec.acme.private_key_secret_ref.name
        secret = Named("Secret", account, case.chain.issuer_namespace)
    culprit = secret if secret is not None and fault is Fault.CONFIGURATION else who
    return Explanation(
        about=case.chain.about,
        verdict=Verdict.FAILED if fault in _RETRIED else Verdict.STALLED,
        sentence=f"{who} is not ready: {ready.message}",
        culprit=culprit,
        fault=fault,
        reason=ready.reason,
        evidence=told.evidence,
        document=told.document,
        next_attempt=told.next_attempt,
        remedy=_remedy(case, told, fault, (ready.reason, ready.message, secret)),
        notes=_pace(fault, told),
    )


def _remedy(case: Case, told: Told, fault: Fault, seen: tuple[str, str, Named | None]) -> str:
    if told.remedy:
        return told.remedy
    reason, message, secret = seen
    word = _WORD.search(message)
    said = word.group(1) if word is not None and word.group(1) in WORDS_OF_ACCOUNTS else ""
    if secret is not None and secret == _external_account(case, case.chain.issuer, message):
        said = "externalAccount"
    where = f"{secret.namespace}/{secret.name}" if secret is not None else ""
    words = (said, FAULT_WORDS.get(fault, ""), reason)
    return remedy_for(words, **names_known(case, secret=where))


def _external_account(case: Case, issuer: AnyIssuer | None, message: str) -> Named | None:
    """Return the Secret of the external account where its key is what is wrong."""
    acme = issuer.spec.acme if issuer is not None else None
    binding = acme.external_account_binding if acme is not None else None
    word = _WORD.search(message)
    # RFC 8555 §7.3.4: a binding that the CA does not accept is "unauthorized"
    refused = word is not None and word.group(1) == "unauthorized"
    if binding is None or not (refused or "xternal" in message.partition(":")[0]):
        return None
    return Named("Secret", binding.key_secret_ref.name, case.chain.issuer_namespace)


def _pace(fault: Fault, told: Told) -> tuple[str, ...]:
    """Say how often it is tried, where no moment is known."""
    if fault not in _RETRIED or told.next_attempt is not None:
        return ()
    schedule = ISSUANCE[Cause(fault)]
    first, cap = int(schedule.first.total_seconds()), int(schedule.cap.total_seconds()) // 60
    return (f"it is tried again after {first}s, then ever more rarely, at least every {cap}m",)


def secret_in_doubt(case: Case, text: str) -> Named | None:
    """Return the Secret of the issuer that a text speaks of; None where it speaks of none."""
    issuer = case.chain.issuer
    if issuer is None:
        return None
    if issuer.spec.ca is not None:
        return Named("Secret", issuer.spec.ca.secret_name, case.chain.issuer_namespace)
    for name in sorted(secret_names(issuer), key=len, reverse=True):
        # quoted, or after its namespace: a Secret may be called `account`
        if re.search(rf'["/]{re.escape(name)}(?![\w.-])', text):
            return Named("Secret", name, case.chain.issuer_namespace)
    return None


def _reference(case: Case) -> IssuerReference:
    return case.seen.certificate.spec.issuer_ref
