"""Explains an Ingress: does it ask, can it be understood, and how are its Certificates?"""

from collections.abc import Iterable
from datetime import datetime
from difflib import get_close_matches

from msgspec.structs import replace

from certwright.api.core import Ingress
from certwright.base.evidence import Evidence
from certwright.base.reason import Reason
from certwright.policy.explain import explain
from certwright.policy.explanation import (
    Chain,
    Explanation,
    Fault,
    IngressChain,
    Named,
    Verdict,
    named,
)
from certwright.policy.ingress import CLUSTER_ISSUER, ISSUER, Defaults, Plan, is_ours, plan
from certwright.policy.ingress_annotations import BadAnnotationError

_WORST_FIRST = (
    Verdict.STALLED,
    Verdict.FAILED,
    Verdict.WAITING,
    Verdict.ISSUING,
    Verdict.READY,
)


def explain_ingress(
    chain: IngressChain, now: datetime, defaults: Defaults | None = None
) -> Explanation:
    """Explain an Ingress by the plan that its controller follows, then its worst Certificate."""
    ingress, choices = chain.ingress, defaults or Defaults()
    about = named(ingress)
    if not is_ours(ingress, choices):
        return _asks_for_nothing(ingress)
    try:
        todo = _plan(chain, choices)
    except BadAnnotationError as error:
        return _bad(about, str(error), "Correct the annotation.")
    certificates = [explain(one, now) for one in chain.chains]
    notes = (*todo.complaints, *_foreign(chain))
    worst = min(certificates, key=lambda one: _WORST_FIRST.index(one.verdict), default=None)
    if todo.complaints and (worst is None or worst.verdict is Verdict.READY):
        remedy = "Give every entry of spec.tls its hosts and a spec.secretName of its own."
        if "bad annotations" in todo.complaints[0]:
            remedy = f"Set exactly one of {ISSUER} and {CLUSTER_ISSUER}."
        return _bad(about, "; ".join(todo.complaints), remedy)
    if todo.create:
        return _to_be_made(about, (one.metadata.name for one in todo.create))
    if worst is None:
        remedy = "Add an entry with hosts and secretName to spec.tls."
        return _bad(about, "spec.tls has no entry, so there is no name to certify", remedy)
    others = len(certificates) - 1
    if worst.verdict is Verdict.READY and others:
        notes = (*notes, f"{others} more of its Certificates are ready too")
    sentence = f"its {worst.about}: {worst.sentence}"
    return replace(worst, about=about, sentence=sentence, notes=(*worst.notes, *notes))


def _plan(chain: IngressChain, defaults: Defaults) -> Plan:
    present = {one.about.name: one.seen.certificate for one in chain.chains}
    return plan(chain.ingress, present=present, owned=(), defaults=defaults)


def _foreign(chain: IngressChain) -> Iterable[str]:
    """Name Certificates that the Ingress needs and does not control: it leaves them alone."""
    uid = chain.ingress.metadata.uid
    return (f"{one.about} is not this Ingress's own" for one in chain.chains if not _owns(uid, one))


def _owns(uid: str, chain: Chain) -> bool:
    owner = chain.seen.certificate.metadata.controller
    return owner is not None and owner.uid == uid


def _asks_for_nothing(ingress: Ingress) -> Explanation:
    keys = sorted(ingress.metadata.annotations)
    close = [key for key in keys if get_close_matches(key, (ISSUER, CLUSTER_ISSUER), cutoff=0.8)]
    remedy = f"Annotate it with {CLUSTER_ISSUER} (or {ISSUER}): the name of an issuer."
    if close:
        remedy = f"Its annotation {close[0]} is misspelt: {CLUSTER_ISSUER} or {ISSUER} is meant."
    about = named(ingress)
    return Explanation(
        about=about,
        verdict=Verdict.STALLED,
        sentence="it asks for no certificate: no annotation names an issuer",
        culprit=about,
        fault=Fault.CONFIGURATION,
        reason=Reason.MISSING_ANNOTATION,
        evidence=(Evidence("annotations", ", ".join(keys) or "none"),),
        remedy=remedy,
    )


def _to_be_made(about: Named, names: Iterable[str]) -> Explanation:
    return Explanation(
        about=about,
        verdict=Verdict.ISSUING,
        sentence=f"its Certificate {', '.join(names)} is about to be made",
        culprit=about,
    )


def _bad(about: Named, sentence: str, remedy: str) -> Explanation:
    return Explanation(
        about=about,
        verdict=Verdict.STALLED,
        sentence=sentence,
        culprit=about,
        fault=Fault.CONFIGURATION,
        reason=Reason.BAD_CONFIG,
        remedy=remedy,
    )
