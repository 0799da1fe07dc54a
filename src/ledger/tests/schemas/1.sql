-- As version 1 made it.
CREATE TABLE calls (
    id                  TEXT PRIMARY KEY,
    at                  INTEGER NOT NULL,
    updated             INTEGER NOT NULL,
    client              TEXT NOT NULL,
    operation           TEXT NOT NULL,
    fingerprint         TEXT NOT NULL,
    idempotency_key     TEXT,
    is_repeat           INTEGER NOT NULL,
    upstream            TEXT NOT NULL,
    model               TEXT,
    seconds             INTEGER,
    size                TEXT,
    price               REAL,
    request_id          TEXT NOT NULL,
    request_line        TEXT NOT NULL,
    request_headers     TEXT NOT NULL,
    request_bytes       INTEGER NOT NULL,
    state               TEXT NOT NULL,
    attempts            INTEGER NOT NULL,
    status              INTEGER,
    job_id              TEXT,
    job_status          TEXT,
    upstream_request_id TEXT,
    error_code          TEXT,
    error_message       TEXT,
    instance            TEXT NOT NULL,
    client_left         INTEGER NOT NULL,
    replays             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_time ON calls (at);
CREATE INDEX calls_by_key ON calls (client, operation, idempotency_key, at)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX calls_by_request ON calls (client, fingerprint, at);
CREATE INDEX calls_by_job ON calls (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX calls_by_request_id ON calls (request_id);
CREATE INDEX calls_open ON calls (id) WHERE state = 'open';

CREATE TABLE answers (
    id      TEXT PRIMARY KEY,
    at      INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body    BLOB NOT NULL
) STRICT;
CREATE INDEX answers_by_time ON answers (at);

CREATE VIEW ledger AS
    SELECT
        id,
        strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch') AS at,
        strftime('%Y-%m-%dT%H:%M:%fZ', updated / 1000.0, 'unixepoch') AS updated,
        client, operation, state, status, upstream, model, seconds, size, price, job_id, job_status,
        error_code, error_message, attempts, replays, client_left, request_id, upstream_request_id,
        idempotency_key, fingerprint, instance
    FROM calls
    ORDER BY calls.at DESC;

PRAGMA user_version = 1;
