BEGIN IMMEDIATE;

CREATE TABLE IF NOT EXISTS product (
    id    INTEGER PRIMARY KEY,
    name  TEXT    NOT NULL,
    cents INTEGER NOT NULL CHECK (cents >= 0),
    stock INTEGER NOT NULL CHECK (stock >= 0)
) STRICT;

CREATE TABLE IF NOT EXISTS purchase (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    product_id INTEGER NOT NULL REFERENCES product (id),
    quantity   INTEGER NOT NULL CHECK (quantity > 0),
    cents      INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

INSERT OR IGNORE INTO product (id, name, cents, stock) VALUES
    (1, 'fender',    2490, 1000000),
    (2, 'mooring line', 3990, 1000000),
    (3, 'shackle',    690, 1000000),
    (4, 'lantern',   5900, 10);

COMMIT;
