"""The words for machines: one list of every reason that a condition, an event or `why` may show.

cert-manager's word where it has one (compat-spec 3, 7.7). Public API: documented in the reference,
never renamed. A comment above says where the words appear, the one behind a word what it means;
both are read by scripts/reference.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A CamelCase word; its value is what stands on the wire."""

    # Certificate, why it is issued or not ready: compat-spec 3.3, 3.9
    READY = "Ready"  # everything fits: the Secret holds a valid certificate for this spec
    DOES_NOT_EXIST = "DoesNotExist"  # the target Secret is not there
    MISSING_DATA = "MissingData"  # the target Secret lacks key or certificate
    INVALID_KEY_PAIR = "InvalidKeyPair"  # the Secret's key cannot be read or does not fit
    INVALID_CERTIFICATE = "InvalidCertificate"  # it is unreadable, foreign or expired
    INVALID_CERTIFICATE_REQUEST = "InvalidCertificateRequest"  # the current CSR is unreadable
    INCORRECT_ISSUER = "IncorrectIssuer"  # another issuer than the spec's issued it
    INCORRECT_CERTIFICATE = "IncorrectCertificate"  # the Secret belongs to another Certificate
    SECRET_MISMATCH = "SecretMismatch"  # the Secret differs from the spec
    SECRET_TEMPLATE_MISMATCH = "SecretTemplateMismatch"  # not as secretTemplate says
    SECRET_MANAGED_METADATA_MISMATCH = "SecretManagedMetadataMismatch"  # its metadata was edited
    REQUEST_CHANGED = "RequestChanged"  # the spec differs from what was requested last
    RENEWING = "Renewing"  # its renewal time has come
    EXPIRED = "Expired"  # its certificate is past notAfter
    WINDOW_ERROR = "WindowError"  # no renewal window can be found; it is renewed at the base time
    MANUALLY_TRIGGERED = "ManuallyTriggered"  # a person asked for a re-issuance
    # Certificate, events on the way: compat-spec 3.4-3.6
    ISSUING = "Issuing"  # an issuance starts, ends well, or left a temporary certificate
    GENERATED = "Generated"  # a private key was made and kept in a temporary Secret
    REUSED = "Reused"  # the private key of the target Secret is used again
    DELETED = "Deleted"  # a temporary key that no longer fits was deleted
    DECODE_FAILED = "DecodeFailed"  # the stored key cannot be read; another is made
    CANNOT_REGENERATE_KEY = "CannotRegenerateKey"  # Never rotate, yet the key does not fit
    REQUESTED = "Requested"  # a CertificateRequest was created
    REQUEST_FAILED = "RequestFailed"  # a CSR or a CertificateRequest could not be made
    # CertificateRequest: compat-spec 3.12, 3.13
    APPROVED = "cert-manager.io"  # the built-in approver approved the request
    PENDING = "Pending"  # the request waits; its message and events say for what
    FAILED = "Failed"  # the request failed for good; the Certificate tries again later
    ISSUED = "Issued"  # the request has its certificate
    DENIED = "Denied"  # an approver denied the request
    WAITING_FOR_APPROVAL = "WaitingForApproval"  # the request is neither approved nor denied
    ISSUER_NOT_FOUND = "IssuerNotFound"  # the issuer that is named does not exist
    ISSUER_TYPE_MISSING = "IssuerTypeMissing"  # the issuer has no type, or more than one
    ISSUER_NOT_READY = "IssuerNotReady"  # the issuer is there and not ready
    CERTIFICATE_ISSUED = "CertificateIssued"  # the issuer signed
    DECODE_ERROR = "DecodeError"  # what the issuer returned is no certificate
    BAD_CONFIG = "BadConfig"  # annotations or TLS entries of an Ingress cannot be used
    SECRET_MISSING = "SecretMissing"  # a Secret that is needed is not there
    SECRET_INVALID_DATA = "SecretInvalidData"  # a needed Secret is unusable
    SECRET_GET_ERROR = "SecretGetError"  # a Secret could not be read
    SIGNING_ERROR = "SigningError"  # signing failed
    MISSING_ANNOTATION = "MissingAnnotation"  # a self-signed request does not name its key's Secret
    MISSING_SECRET = "MissingSecret"  # the key's Secret is not there
    ERROR_PARSING_KEY = "ErrorParsingKey"  # the key of a self-signed request cannot be read
    ERROR_GENERATING = "ErrorGenerating"  # the template of a self-signed certificate cannot be made
    ERROR_PUBLIC_KEY = "ErrorPublicKey"  # the public key of a self-signed request cannot be read
    ERROR_KEY_MATCH = "ErrorKeyMatch"  # key and CSR of a self-signed request differ
    ERROR_SIGNING = "ErrorSigning"  # signing with its own key failed
    REQUEST_PARSING_ERROR = "RequestParsingError"  # the CSR cannot be read
    INVALID_ORDER = "InvalidOrder"  # the CSR cannot become an order: common name or profile
    ORDER_CREATED = "OrderCreated"  # an Order was created
    ORDER_CREATING_ERROR = "OrderCreatingError"  # an Order could not be created
    ORDER_GET_ERROR = "OrderGetError"  # an Order could not be read
    ORDER_FAILED = "OrderFailed"  # the Order ended without a certificate
    ORDER_PENDING = "OrderPending"  # the Order is under way
    # Issuer, ClusterIssuer: compat-spec 3.14, 6.1
    IS_READY = "IsReady"  # a self-signed issuer can sign
    KEY_PAIR_VERIFIED = "KeyPairVerified"  # the CA's key pair can sign
    ERR_GET_KEY_PAIR = "ErrGetKeyPair"  # the CA's key pair cannot be read
    ERR_INVALID_KEY_PAIR = "ErrInvalidKeyPair"  # the certificate is not a CA's
    SIGNER_EXPIRED = "SignerExpired"  # ours: the CA's own certificate is past notAfter
    ERR_INIT_ISSUER = "ErrInitIssuer"  # setting the issuer up failed; it is tried again
    ACME_ACCOUNT_REGISTERED = "ACMEAccountRegistered"  # the account is registered at the CA
    ERR_VERIFY_ACME_ACCOUNT = "ErrVerifyACMEAccount"  # the account key is missing or cannot be used
    ERR_REGISTER_ACME_ACCOUNT = "ErrRegisterACMEAccount"  # no answer, or refused
    ERR_UPDATE_ACME_ACCOUNT = "ErrUpdateACMEAccount"  # the CA refused the account's contact
    INVALID_CONFIG = "InvalidConfig"  # the settings contradict themselves or cannot be used
    INVALID_SOLVER = "InvalidSolver"  # a solver or its credentials cannot be used
    INVALID_URL = "InvalidURL"  # the server's address cannot be read
    NOT_SERVED = "NotServed"  # ours: a type or a part that certwright does not serve yet
    # Order and Challenge: compat-spec 3.15, 3.16
    CREATED = "Created"  # a Challenge was created
    COMPLETE = "Complete"  # the Order has its certificate
    SOLVER = "Solver"  # no solver of the issuer fits a name
    STARTED = "Started"  # a Challenge is worked on
    PRESENTED = "Presented"  # the answer to a Challenge was published
    PRESENT_ERROR = "PresentError"  # the answer could not be published
    DOMAIN_VERIFIED = "DomainVerified"  # the CA saw the answer
    CLEAN_UP_ERROR = "CleanUpError"  # the answer could not be taken away
    NOT_OURS = "NotOurs"  # ours: an Order or a Challenge that certwright did not make is ignored
    ZONE_NOT_FOUND = "ZoneNotFound"  # ours: no name from the challenge's upwards has a SOA record
    CNAME_LOOP = "CNAMELoop"  # ours: aliases of the challenge's name lead back to it
    CREDENTIALS_REFUSED = "CredentialsRefused"  # ours: a name server or a provider knows us not
    # Ingress: compat-spec 3.2
    CREATE_CERTIFICATE = "CreateCertificate"  # a Certificate was made for a TLS entry
    UPDATE_CERTIFICATE = "UpdateCertificate"  # a Certificate follows its Ingress
    DELETE_CERTIFICATE = "DeleteCertificate"  # a Certificate whose TLS entry is gone was deleted
    # Any kind: certwright's own
    CONNECTION_FAILED = "ConnectionFailed"  # nothing answered: connection, TLS, time-out
    SERVER_ERROR = "ServerError"  # a server failed, or its answer made no sense
    RATE_LIMITED = "RateLimited"  # a server asked for fewer requests
    REFUSED = "Refused"  # a CA or a provider refused what was asked for
    INVALID_SPEC = "InvalidSpec"  # a stored object breaks a rule that only the controller can check
    UNSAFE_FILES = "UnsafeFiles"  # a folder, file or hook that others could exchange
    NOT_LEADING = "NotLeading"  # the lease is lost: somebody else may be working by now
    LOCKED = "Locked"  # another process works on the same state file or output folder
    EXPORT_FAILED = "ExportFailed"  # a Secret could not be written to the output folder
    STATE_FAILED = "StateFailed"  # the state file could not be written: a full disk, mostly
    HOOK_FAILED = "HookFailed"  # the hook ended badly or ran too long
    DELETIONS_HELD = "DeletionsHeld"  # too much vanished at once; a person must confirm
    INTERNAL_ERROR = "InternalError"  # a bug; the traceback is in the log
