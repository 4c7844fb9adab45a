"""Why the lab's certificate is as it is: what `certwright why` says, out of the live view."""

from certwright.api.meta import Key
from certwright.app import App
from certwright.base.clock import Clock
from certwright.policy.explain_text import explain_lines


async def explain(app: App, key: Key, clock: Clock) -> str:
    """Return the explanation of one Certificate, in lines."""
    return "\n".join(explain_lines(app.view, key, clock.now()))
