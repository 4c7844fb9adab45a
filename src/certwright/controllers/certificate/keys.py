"""The next private key and its temporary Secret (certificates-key-manager, compat-spec 3.4)."""

from msgspec.structs import replace

from certwright.api.annotations import FAO_LABEL, NEXT_KEY_LABEL
from certwright.api.core import TLS_KEY, Secret
from certwright.api.kinds import owner_reference
from certwright.api.meta import Key, ObjectMeta
from certwright.base.reason import Reason
from certwright.controllers.certificate.observe import target_key
from certwright.controllers.certificate.turn import KEY_MANAGER, Turn
from certwright.pki.errors import PkiError
from certwright.pki.keys import Encoding, PrivateKey, encode_key, parse_key
from certwright.policy.certificate import DeleteKeys, KeyStuck, MakeKey, NameKey
from certwright.policy.mismatch import listed, wanted_algorithm, wanted_size
from certwright.runtime.outcome import Outcome, Report, normal, warning
from certwright.store.protocol import AlreadyExists

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
_LONGEST_BASE = 58
"""Kubernetes' own rules for generated names."""


def new_name(turn: Turn) -> str:
    """Choose a name for the temporary Secret, as Kubernetes would generate it."""
    base = f"{turn.seen.certificate.metadata.name}-"[:_LONGEST_BASE]
    return base + "".join(turn.world.random.choices(_ALPHABET, k=_SUFFIX))


def name_key(turn: Turn, step: NameKey) -> Outcome:
    """Write down which Secret holds the next private key."""
    name = step.name or new_name(turn)
    status = replace(turn.status, next_private_key_secret_name=name)
    return turn.report(KEY_MANAGER, status=status)


async def delete_keys(turn: Turn, step: DeleteKeys) -> Outcome:
    """Delete temporary Secrets that are not needed, or hold an unfit key."""
    for key in step.keys:
        await turn.view.delete(key)
    if not step.fields:
        return turn.report()
    message = f"Regenerating private key due to change in fields: {listed(step.fields)}"
    return turn.report(KEY_MANAGER, normal(KEY_MANAGER, Reason.DELETED, message))


async def make_key(turn: Turn, step: MakeKey) -> Outcome:
    """Store the next private key in the temporary Secret whose name the status has."""
    certificate = turn.seen.certificate
    name = certificate.status.next_private_key_secret_name
    target = certificate.spec.secret_name
    events: list[Report] = []
    key = await _present_key(turn) if step.reuse else None
    if key is not None:
        message = f'Reusing private key stored in existing Secret resource "{target}"'
        events.append(normal(KEY_MANAGER, Reason.REUSED, message))
    else:
        key = await turn.world.make_key(
            wanted_algorithm(certificate.spec), wanted_size(certificate.spec)
        )
    if step.undecodable:
        message = f'Failed to decode private key stored in Secret "{target}" - generating new key'
        events.append(warning(KEY_MANAGER, Reason.DECODE_FAILED, message))
    try:
        await turn.view.create(_temporary_secret(turn, name, key), manager=KEY_MANAGER)
    except AlreadyExists:  # not ours, or it would have been seen: take another name
        return name_key(turn, NameKey())
    if not step.reuse:
        message = f'Stored new private key in temporary Secret resource "{name}"'
        events.append(normal(KEY_MANAGER, Reason.GENERATED, message))
    return turn.report(KEY_MANAGER, *events)


def key_stuck(turn: Turn, step: KeyStuck) -> Outcome:
    """Say that a person must act; the Certificate stays Issuing (compat-spec 10, row 6)."""
    target = turn.seen.certificate.spec.secret_name
    message = (
        f'User intervention required: existing private key in Secret "{target}" does not match '
        f"requirements on Certificate resource, mismatching fields: {listed(step.fields)}"
    )
    return turn.report(KEY_MANAGER, warning(KEY_MANAGER, Reason.CANNOT_REGENERATE_KEY, message))


async def read_next_key(turn: Turn) -> PrivateKey | None:
    """Read the next private key; None where it is not there any more, or unreadable."""
    key = turn.seen.keys[0].key
    return await _read_key(turn, key)


async def _present_key(turn: Turn) -> PrivateKey | None:
    return await _read_key(turn, target_key(turn.seen.certificate))


async def _read_key(turn: Turn, key: Key) -> PrivateKey | None:
    secret = await turn.view.live(Secret, key)
    if secret is None:
        return None
    try:
        return parse_key(secret.data.get(TLS_KEY, b""))
    except PkiError:
        return None


def _temporary_secret(turn: Turn, name: str, key: PrivateKey) -> Secret:
    certificate = turn.seen.certificate
    return Secret(
        metadata=ObjectMeta(
            name=name,
            namespace=certificate.metadata.namespace,
            labels={NEXT_KEY_LABEL: "true", FAO_LABEL: "true"},
            owner_references=(owner_reference(certificate),),
        ),
        data={TLS_KEY: encode_key(key, Encoding.PKCS8)},
    )
