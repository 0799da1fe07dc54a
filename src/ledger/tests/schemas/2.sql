-- As version 2 made it.
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

CREATE TABLE usage (
    client   TEXT NOT NULL,
    day      INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    seconds  INTEGER NOT NULL,
    money    INTEGER NOT NULL,
    PRIMARY KEY (client, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_day ON usage (day);

INSERT INTO usage
    SELECT client, at / 86400000, count(*), sum(coalesce(seconds, 0)),
        sum(CAST(round(coalesce(price, 0) * 1000000) AS INTEGER))
    FROM calls
    WHERE at >= unixepoch('now', 'start of month') * 1000
        AND state <> 'refused' AND job_status IS NOT 'failed'
    GROUP BY 1, 2;

CREATE TRIGGER usage_grows AFTER INSERT ON calls
WHEN NEW.state <> 'refused' AND NEW.job_status IS NOT 'failed'
BEGIN
    INSERT INTO usage VALUES (
        NEW.client, NEW.at / 86400000, 1, coalesce(NEW.seconds, 0),
        CAST(round(coalesce(NEW.price, 0) * 1000000) AS INTEGER)
    ) ON CONFLICT (client, day) DO UPDATE SET
        requests = requests + 1, seconds = seconds + excluded.seconds, money = money + excluded.money;
END;

CREATE TRIGGER usage_shrinks AFTER UPDATE OF state, job_status ON calls
WHEN (NEW.state = 'refused' OR NEW.job_status = 'failed')
    AND OLD.state <> 'refused'
    AND (OLD.job_status IS NULL OR OLD.job_status IN ('queued', 'in_progress', 'other'))
BEGIN
    UPDATE usage SET
        requests = requests - 1,
        seconds = seconds - coalesce(OLD.seconds, 0),
        money = money - CAST(round(coalesce(OLD.price, 0) * 1000000) AS INTEGER)
    WHERE client = OLD.client AND day = OLD.at / 86400000;
END;

PRAGMA user_version = 2;
