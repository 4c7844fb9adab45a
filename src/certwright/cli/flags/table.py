"""Every flag of `certwright run`, in the order of its help; the reference page comes from here.

Names, defaults and the fields of the `--config` file are cert-manager's (compat-spec 7.1).
"""

from certwright.cli.flags.accepted import ACCEPTED
from certwright.cli.flags.flag import Flag
from certwright.cli.flags.honoured import HONOURED
from certwright.cli.flags.own import OWN

FLAGS: tuple[Flag, ...] = (*OWN, *HONOURED, *ACCEPTED)
