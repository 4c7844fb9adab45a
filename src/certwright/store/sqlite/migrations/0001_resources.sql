-- The one row that numbers every change, and says up to where the log was cut off.
CREATE TABLE counter (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    version   INTEGER NOT NULL,
    compacted INTEGER NOT NULL
) STRICT;
INSERT INTO counter (id, version, compacted) VALUES (1, 0, 0);

-- The resources as they are; `document` is the wire form with every field, known or not.
CREATE TABLE resource (
    id        INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    uid       TEXT NOT NULL UNIQUE,
    version   INTEGER NOT NULL,
    written   INTEGER NOT NULL,
    document  TEXT NOT NULL,
    UNIQUE (kind, namespace, name)
) STRICT;
-- Events live one hour after their last write; no other kind is found by age.
CREATE INDEX resource_age ON resource (written) WHERE kind = 'events';

-- Who hangs on whom, for the collection of what lost its owners.
CREATE TABLE owner (
    uid   TEXT NOT NULL,
    child INTEGER NOT NULL REFERENCES resource (id) ON DELETE CASCADE,
    PRIMARY KEY (uid, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX owner_child ON owner (child);

-- What a watch may catch up on. `document` is null where it would keep a Secret's data alive
-- after the Secret itself is gone; the reader then takes the resource as it is now.
CREATE TABLE change (
    version   INTEGER PRIMARY KEY,
    change    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    document  TEXT
) STRICT;
