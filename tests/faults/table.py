"""All faults: the rows of every chapter, in the order of the reference."""

from tests.faults import (
    rows_ca,
    rows_dns,
    rows_issuers,
    rows_machine,
    rows_manifests,
    rows_tls,
    rows_written,
)

CHAPTERS = (
    ("Name servers and zones", rows_dns.ROWS),
    ("The CA and the account", rows_ca.ROWS),
    ("The connection to the CA", rows_tls.ROWS),
    ("Issuers and their Secrets", rows_issuers.ROWS),
    ("Certificates, requests, Ingresses", rows_written.ROWS),
    ("Manifests", rows_manifests.ROWS),
    ("This machine", rows_machine.ROWS),
)
ROWS = tuple(row for _, rows in CHAPTERS for row in rows)
