"""Keeps the target Secret's metadata and formats as wanted (certificates-issuing, 3.7)."""

import structlog

from certwright.api.core import CA_CERT, TLS_CERT, TLS_KEY, Secret
from certwright.controllers.certificate.observe import target_key
from certwright.controllers.certificate.target import Bundle, write_target
from certwright.controllers.certificate.turn import Turn
from certwright.policy.certificate import Maintain
from certwright.runtime.outcome import DONE, Outcome

log = structlog.get_logger(__name__)


async def maintain(turn: Turn, step: Maintain) -> Outcome:
    """Apply the target Secret again from its own key, chain and CA; nothing is issued."""
    key = target_key(turn.seen.certificate)
    present = await turn.view.live(Secret, key)
    if present is None or not (present.data.get(TLS_KEY) and present.data.get(TLS_CERT)):
        return DONE  # it has just changed: the watch will tell
    log.info("target Secret is written again", secret=str(key), why=step.finding.message)
    bundle = Bundle(
        key=present.data[TLS_KEY],
        chain=present.data[TLS_CERT],
        ca=present.data.get(CA_CERT, b""),
    )
    await write_target(turn, bundle, origin=present.metadata.annotations)
    return turn.report()
