"""All faults: the rows of every chapter, in the order of the reference."""

from tests.faults import rows_dns

CHAPTERS = (("Name servers and zones", rows_dns.ROWS),)
ROWS = tuple(row for _, rows in CHAPTERS for row in rows)
