"""The flags that are certwright's own; cert-manager has nothing like them."""

from certwright.cli.flags.flag import Flag, Form

OWN: tuple[Flag, ...] = (
    Flag(
        name="directory",
        form=Form.TEXT,
        help=(
            "Folder of manifests, YAML and JSON; without it the API server of a cluster is asked."
        ),
    ),
    Flag(
        name="state",
        form=Form.TEXT,
        help="With --directory: SQLite file; made if missing.",
    ),
    Flag(
        name="out",
        form=Form.TEXT,
        help="With --directory: folder that certificates are written to.",
    ),
    Flag(
        name="hook",
        form=Form.TEXT,
        help="With --out: program to run after certificates changed.",
    ),
    Flag(
        name="hook-timeout",
        form=Form.SPAN,
        default="60s",
        help="Longest run of the hook.",
    ),
    Flag(
        name="out-mode",
        form=Form.TEXT,
        default="0600",
        help="Mode of private files in --out.",
    ),
    Flag(
        name="out-group",
        form=Form.TEXT,
        help="Group of private files in --out.",
    ),
    Flag(
        name="credentials-directory",
        form=Form.TEXT,
        help=(
            "Folder of files NAMESPACE_SECRET_KEY that become Secrets; by default the one "
            "that systemd names."
        ),
    ),
    Flag(
        name="context",
        form=Form.TEXT,
        help="Context of the kubeconfig.",
    ),
    Flag(
        name="observe",
        form=Form.SWITCH,
        default="false",
        help="Only read, take no lease, and list what would change.",
    ),
    Flag(
        name="allow-unserved",
        form=Form.SWITCH,
        default="false",
        help=(
            "Start although there are objects that certwright does not serve yet; they are "
            "left alone."
        ),
    ),
    Flag(
        name="log-format",
        form=Form.TEXT,
        default="auto",
        help="text, json or auto.",
    ),
    Flag(
        name="log-level",
        form=Form.TEXT,
        default="info",
        help="debug, info, warning or error.",
    ),
)
