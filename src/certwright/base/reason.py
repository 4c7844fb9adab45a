"""The words for machines: one list of every reason that a condition, an event or `why` may show.

cert-manager's word where it has one (compat-spec 3, 7.7). Public API: documented in the reference,
never renamed. The comment says on which object the word appears.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A CamelCase word; its value is what stands on the wire."""

    # Certificate: why it is issued, or not ready (compat-spec 3.3, 3.9)
    READY = "Ready"
    DOES_NOT_EXIST = "DoesNotExist"
    MISSING_DATA = "MissingData"
    INVALID_KEY_PAIR = "InvalidKeyPair"
    INVALID_CERTIFICATE = "InvalidCertificate"
    INVALID_CERTIFICATE_REQUEST = "InvalidCertificateRequest"
    INCORRECT_ISSUER = "IncorrectIssuer"
    INCORRECT_CERTIFICATE = "IncorrectCertificate"
    SECRET_MISMATCH = "SecretMismatch"  # noqa: S105  # a reason, not a secret
    SECRET_TEMPLATE_MISMATCH = "SecretTemplateMismatch"  # noqa: S105  # a reason
    SECRET_MANAGED_METADATA_MISMATCH = "SecretManagedMetadataMismatch"  # noqa: S105  # a reason
    REQUEST_CHANGED = "RequestChanged"
    RENEWING = "Renewing"
    EXPIRED = "Expired"
    WINDOW_ERROR = "WindowError"
    MANUALLY_TRIGGERED = "ManuallyTriggered"
    # Certificate: events on the way: compat-spec 3.4-3.6
    ISSUING = "Issuing"
    GENERATED = "Generated"
    REUSED = "Reused"
    DELETED = "Deleted"
    DECODE_FAILED = "DecodeFailed"
    CANNOT_REGENERATE_KEY = "CannotRegenerateKey"
    REQUESTED = "Requested"
    REQUEST_FAILED = "RequestFailed"
    # CertificateRequest: compat-spec 3.12, 3.13
    APPROVED = "cert-manager.io"
    PENDING = "Pending"
    FAILED = "Failed"
    ISSUED = "Issued"
    DENIED = "Denied"
    WAITING_FOR_APPROVAL = "WaitingForApproval"
    ISSUER_NOT_FOUND = "IssuerNotFound"
    ISSUER_TYPE_MISSING = "IssuerTypeMissing"
    ISSUER_NOT_READY = "IssuerNotReady"
    CERTIFICATE_ISSUED = "CertificateIssued"
    DECODE_ERROR = "DecodeError"
    BAD_CONFIG = "BadConfig"
    SECRET_MISSING = "SecretMissing"  # noqa: S105  # a reason
    SECRET_INVALID_DATA = "SecretInvalidData"  # noqa: S105  # a reason
    SECRET_GET_ERROR = "SecretGetError"  # noqa: S105  # a reason
    SIGNING_ERROR = "SigningError"
    MISSING_ANNOTATION = "MissingAnnotation"
    MISSING_SECRET = "MissingSecret"  # noqa: S105  # a reason
    ERROR_PARSING_KEY = "ErrorParsingKey"
    ERROR_GENERATING = "ErrorGenerating"
    ERROR_PUBLIC_KEY = "ErrorPublicKey"
    ERROR_KEY_MATCH = "ErrorKeyMatch"
    ERROR_SIGNING = "ErrorSigning"
    REQUEST_PARSING_ERROR = "RequestParsingError"
    INVALID_ORDER = "InvalidOrder"
    ORDER_CREATED = "OrderCreated"
    ORDER_CREATING_ERROR = "OrderCreatingError"
    ORDER_GET_ERROR = "OrderGetError"
    ORDER_FAILED = "OrderFailed"
    ORDER_PENDING = "OrderPending"
    # Issuer, ClusterIssuer: compat-spec 3.14, 6.1
    IS_READY = "IsReady"
    KEY_PAIR_VERIFIED = "KeyPairVerified"
    ERR_GET_KEY_PAIR = "ErrGetKeyPair"
    ERR_INVALID_KEY_PAIR = "ErrInvalidKeyPair"
    ERR_INIT_ISSUER = "ErrInitIssuer"
    ACME_ACCOUNT_REGISTERED = "ACMEAccountRegistered"
    ERR_VERIFY_ACME_ACCOUNT = "ErrVerifyACMEAccount"
    ERR_REGISTER_ACME_ACCOUNT = "ErrRegisterACMEAccount"
    ERR_UPDATE_ACME_ACCOUNT = "ErrUpdateACMEAccount"
    INVALID_CONFIG = "InvalidConfig"
    INVALID_SOLVER = "InvalidSolver"
    INVALID_URL = "InvalidURL"
    NOT_SERVED = "NotServed"  # ours: a type or a part that certwright does not serve yet
    # Order and Challenge: compat-spec 3.15, 3.16
    CREATED = "Created"
    COMPLETE = "Complete"
    SOLVER = "Solver"
    STARTED = "Started"
    PRESENTED = "Presented"
    PRESENT_ERROR = "PresentError"
    DOMAIN_VERIFIED = "DomainVerified"
    CLEAN_UP_ERROR = "CleanUpError"
    NOT_OURS = "NotOurs"  # ours: an Order or a Challenge that certwright did not make is ignored
    ZONE_NOT_FOUND = "ZoneNotFound"  # ours: no name from the challenge's upwards has a SOA record
    CNAME_LOOP = "CNAMELoop"  # ours: aliases of the challenge's name lead back to it
    CREDENTIALS_REFUSED = "CredentialsRefused"  # ours: a name server or a provider knows us not
    # Ingress: compat-spec 3.2
    CREATE_CERTIFICATE = "CreateCertificate"
    UPDATE_CERTIFICATE = "UpdateCertificate"
    DELETE_CERTIFICATE = "DeleteCertificate"
    # Any kind: ours
    CONNECTION_FAILED = "ConnectionFailed"  # nothing answered: connection, TLS, time-out
    SERVER_ERROR = "ServerError"  # a server failed, or its answer made no sense
    RATE_LIMITED = "RateLimited"  # a server asked for fewer requests
    REFUSED = "Refused"  # a CA or a provider refused what was asked for
    INVALID_SPEC = "InvalidSpec"  # a stored object breaks a rule that only the controller can check
    UNSAFE_FILES = "UnsafeFiles"  # a folder, file or hook that others could exchange
    LOCKED = "Locked"  # another process works on the same state file or output folder
    EXPORT_FAILED = "ExportFailed"  # a Secret could not be written to the output folder
    HOOK_FAILED = "HookFailed"  # the hook ended badly or ran too long
    DELETIONS_HELD = "DeletionsHeld"  # too much vanished at once; a person must confirm
    INTERNAL_ERROR = "InternalError"  # a bug; the traceback is in the log
