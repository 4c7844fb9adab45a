"""What an explanation consists of: one sentence, whose fault, what was seen, what happens next.

`policy.explain` makes it, `certwright why`, `status`, the lab and the dashboard show it.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec import Struct, field

from certwright.api import annotations as names
from certwright.api.core import Ingress
from certwright.api.issuer import AnyIssuer
from certwright.api.kinds import kind_of
from certwright.api.meta import Resource
from certwright.api.order import Challenge, Order
from certwright.api.request import CertificateRequest
from certwright.api.secret import SecretSummary
from certwright.base.evidence import Evidence, printable
from certwright.policy.attempt import Attempt
from certwright.policy.certificate import Seen, Step
from certwright.policy.readiness import Readiness

DocumentText: TypeAlias = str


class Verdict(StrEnum):
    """How it stands, in one word."""

    READY = "ready"
    ISSUING = "issuing"  # going on by itself, nothing is wrong
    WAITING = "waiting"  # for something outside that should come by itself
    FAILED = "failed"  # will be tried again
    STALLED = "stalled"  # a person must change something


class Fault(StrEnum):
    """The class of the cause; the first five are `base.problem.Cause`."""

    TRANSPORT = "transport"
    SERVER = "server"
    RATE = "rate"
    VALIDATION = "validation"
    POLICY = "policy"
    CONFIGURATION = "configuration"  # an object of the user's must change
    APPROVAL = "approval"  # somebody must say yes, or said no
    MACHINE = "machine"  # this machine: its disk, its folders, its hook
    NONE = "none"


class Named(Struct, frozen=True, order=True, omit_defaults=True):
    """An object: its kind, where it is, its name."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


def named(resource: Resource) -> Named:
    """Name a resource."""
    kind = "Secret" if isinstance(resource, SecretSummary) else kind_of(resource).name
    return Named(kind, resource.metadata.name, resource.metadata.namespace)


class Explanation(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why something is as it is.

    Attributes:
        about: what was asked about.
        verdict: one word.
        sentence: one sentence.
        culprit: the object that is the cause (`object` on the wire).
        fault: the class of the cause.
        reason: the word for machines, where there is one.
        evidence: what was seen, party by party.
        document: the CA's problem document as JSON, verbatim.
        next_attempt: when something is tried or looked at again; None: not by time.
        remedy: what a person can do; empty where there is nothing to do.
        notes: what else is worth knowing.
    """

    about: Named
    verdict: Verdict
    sentence: str
    culprit: Named = field(name="object")
    fault: Fault = Fault.NONE
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    document: str = field(default="", name="problem")
    next_attempt: datetime | None = None
    remedy: str = ""
    notes: tuple[str, ...] = ()


class Local(Struct, frozen=True, kw_only=True):
    """What the running process told of this machine, beside the resources.

    Attributes:
        out: the output folder.
        export_error: why the target Secret could not be written there.
        export_next: when that is tried again.
        hook_error: how the hook failed.
        hook_next: when it is run again.
        held: why a deletion waits for a person, where the manifest has vanished.
        state: the state file.
        state_error: why it could not be written.
        state_next: when that is tried again.
    """

    out: str = ""
    export_error: str = ""
    export_next: datetime | None = None
    hook_error: str = ""
    hook_next: datetime | None = None
    held: str = ""
    state: str = ""
    state_error: str = ""
    state_next: datetime | None = None


class Link(Struct, frozen=True, kw_only=True):
    """One attempt, and what it led to at an ACME server."""

    attempt: Attempt
    order: Order | None = None
    challenges: tuple[Challenge, ...] = ()


class Chain(Struct, frozen=True, kw_only=True):
    """A Certificate and all on its way.

    Attributes:
        seen: what its reconcile sees.
        links: its attempts, the newest first.
        issuer: the one that is really meant; None where there is none.
        issuers: every issuer there is, to find the one that a mistyped name meant.
        namesake: somebody else's request with the name of the one that comes next.
        issuer_namespace: where the issuer's Secrets are.
        secrets: those that the issuer names and that are there.
        approves: whether the built-in approver runs.
        evidence_limit: after this long the CA is asked without full evidence.
        local: this machine's part.
    """

    seen: Seen
    links: tuple[Link, ...] = ()
    issuer: AnyIssuer | None = None
    issuers: tuple[Named, ...] = ()
    namesake: CertificateRequest | None = None
    issuer_namespace: str = ""
    secrets: tuple[SecretSummary, ...] = ()
    approves: bool = True
    evidence_limit: timedelta = timedelta(seconds=120)
    local: Local = Local()

    @property
    def about(self) -> Named:
        """The Certificate."""
        return named(self.seen.certificate)

    @property
    def link(self) -> Link | None:
        """The attempt at the next revision."""
        revision = self.seen.next_revision
        return next((one for one in self.links if one.attempt.revision == revision), None)


class IngressChain(Struct, frozen=True, kw_only=True):
    """An Ingress and the Certificates that have the names of its Secrets."""

    ingress: Ingress
    chains: tuple[Chain, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """A chain at a moment, with what is decided about it."""

    chain: Chain
    now: datetime
    step: Step
    readiness: Readiness

    @property
    def seen(self) -> Seen:
        """What the Certificate's reconcile sees."""
        return self.chain.seen


class Told(Struct, frozen=True, kw_only=True):
    """What the annotations of a resource tell of its failure; all empty where it has none."""

    fault: Fault = Fault.NONE
    reason: str = ""
    message: str = ""
    next_attempt: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    document: str = ""
    remedy: str = ""

    @property
    def failed(self) -> bool:
        """There is a failure."""
        return self.fault is not Fault.NONE

    @property
    def words(self) -> tuple[str, ...]:
        """The words by which a remedy is found, the most telling first: the CA's, then ours."""
        return tuple(filter(None, (acme_word(self.document), self.reason)))


def read_told(resource: Resource) -> Told:
    """Read what a resource tells of its failure; whoever wrote it, it is safe to show."""
    known = resource.metadata.annotations
    fault = known.get(names.FAILURE_CLASS, "")
    return Told(
        fault=Fault(fault) if fault in tuple(Fault) else Fault.NONE,
        reason=printable(known.get(names.FAILURE_REASON, "")),
        message=printable(known.get(names.FAILURE_MESSAGE, "")),
        next_attempt=moment_of(known.get(names.NEXT_ATTEMPT, "")),
        evidence=_evidence(known.get(names.EVIDENCE, "")),
        document=printable(known.get(names.PROBLEM, "")),
        remedy=printable(known.get(names.REMEDY, "")),
    )


def moment_of(text: str) -> datetime | None:
    """Read an RFC 3339 moment; None where it is none."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def acme_word(document: str) -> str:
    """Return the type of a problem document without ACME's namespace; empty where it has none."""
    try:
        kind = msgspec.json.decode(document, type=_Typed).type if document else ""
    except msgspec.DecodeError:
        return ""
    return kind.rpartition(":")[2]


class _Typed(Struct):
    type: str = ""


def _evidence(text: str) -> tuple[Evidence, ...]:
    try:
        pairs = msgspec.json.decode(text, type=list[tuple[str, str]]) if text else []
    except msgspec.DecodeError:
        return ()
    return tuple(Evidence(printable(subject), printable(seen)) for subject, seen in pairs)
