"""What an API server refuses, as a value: HTTP status, the API's own reason, the fields at fault.

Called by `kube.rest`; `store` makes its own kinds of failure of it.
"""

import msgspec
from msgspec import Struct

from certwright.base.evidence import printable
from certwright.base.problem import Problem

_WORDS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_NO_FIELD = "<nil>"  # "some rules were not checked since others were broken"
_TOO_LARGE = "ResourceVersionTooLarge"
_EXPIRED = frozenset({"Expired", "Gone"})
_LONGEST = 1000


class ApiProblem(Problem):
    """The server answered with a failure.

    Attributes:
        reason: Kubernetes' StatusReason.
        status: the HTTP status, or the code within a watch's ERROR event.
        causes: (field path, rule) for each field that the server names.
    """

    def __init__(
        self, reason: str, message: str, *, status: int, causes: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason, message)
        self.status = status
        self.causes = causes

    @property
    def is_ahead(self) -> bool:
        """The version asked about is none that the server has given out yet."""
        return any(field == _TOO_LARGE for field, _ in self.causes)

    @property
    def is_expired(self) -> bool:
        """The version asked about is too old to be known."""
        return self.status == 410 or self.reason in _EXPIRED  # noqa: PLR2004  # HTTP's Gone


class _Cause(Struct, frozen=True):
    field: str = ""
    reason: str = ""
    message: str = ""


class _Details(Struct, frozen=True):
    causes: tuple[_Cause, ...] = ()


class _Status(Struct, frozen=True):
    kind: str = ""
    reason: str = ""
    message: str = ""
    code: int = 0
    details: _Details | None = None


_decoder = msgspec.json.Decoder(_Status)


def parse_problem(status: int, body: bytes) -> ApiProblem:
    """Read a failure; a body that is no Status (a proxy's page) only counts by its HTTP status."""
    try:
        answer = _decoder.decode(body)
    except msgspec.MsgspecError:
        answer = _Status()
    if answer.kind != "Status":
        answer = _Status(message=f"the server answered with HTTP status {status}")
    code = answer.code or status
    causes = answer.details.causes if answer.details is not None else ()
    named = [one for one in causes if one.field != _NO_FIELD]
    return ApiProblem(
        printable(answer.reason, 60) or _WORDS.get(code, "Unknown"),
        printable(answer.message, _LONGEST),
        status=code,
        causes=tuple(
            (printable(one.field or one.reason, 200), printable(one.message, 500)) for one in named
        ),
    )
