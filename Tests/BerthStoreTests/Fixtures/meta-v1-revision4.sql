-- A database as revision 4 of schema version 1 first stood. Never change this file: it is what upgrades are tested against.
BEGIN TRANSACTION;
CREATE TABLE bundles (path TEXT PRIMARY KEY, identity TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "bundles" VALUES('/bundles/a.tar','1:2:3');
CREATE TABLE containers (
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      content BLOB NOT NULL,
      created INTEGER NOT NULL,
      PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
CREATE TABLE images (
  reference TEXT PRIMARY KEY,
  manifest TEXT NOT NULL,
  media_type TEXT NOT NULL,
  image_index TEXT,
  source TEXT,
  created INTEGER NOT NULL
, pinned INTEGER NOT NULL DEFAULT 0, last_used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
INSERT INTO "images" VALUES('docker.io/library/nginx:1.27','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','application/vnd.oci.image.manifest.v1+json','sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL,1700000000,1,1700000100);
CREATE TABLE layers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  chain TEXT NOT NULL UNIQUE,
  diff TEXT NOT NULL,
  parent TEXT,
  ready INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL
);
INSERT INTO "layers" VALUES(1,'sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',NULL,1,4096,1700000000);
INSERT INTO "layers" VALUES(2,'sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','sha256:1111111111111111111111111111111111111111111111111111111111111111','sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',0,0,1700000001);
CREATE TABLE lease_resources (
      lease TEXT NOT NULL REFERENCES leases (id) ON DELETE CASCADE,
      kind TEXT NOT NULL,
      digest TEXT NOT NULL,
      PRIMARY KEY (lease, kind, digest)
    ) WITHOUT ROWID;
INSERT INTO "lease_resources" VALUES('mount-/mnt','image','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE TABLE leases (
      id TEXT PRIMARY KEY,
      kind TEXT NOT NULL,
      subject TEXT NOT NULL,
      created INTEGER NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "leases" VALUES('mount-/mnt','mount','/mnt',1700000000000000000);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('revision','4');
INSERT INTO "meta" VALUES('version','1');
CREATE TABLE pods_last_good (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  path TEXT NOT NULL,
  hash TEXT NOT NULL,
  content BLOB NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
INSERT INTO "pods_last_good" VALUES('default','web','/etc/berth/manifests/web.toml','h1',X'6E616D65203D2022776562220A',1700000000);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('layers',2);
CREATE TABLE namespaces (name TEXT PRIMARY KEY, created INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "namespaces" VALUES('team-a',1700000000);
CREATE TABLE pod_rollouts (
      namespace TEXT NOT NULL,
      name TEXT NOT NULL,
      content BLOB NOT NULL,
      PRIMARY KEY (namespace, name)
    ) WITHOUT ROWID;
INSERT INTO "pod_rollouts" VALUES('default','web',CAST('{"version":1,"revisions":[{"revision":1,"hash":"h1","spec":{"name":"web","namespace":"default"},"images":{"nginx:1":"sha256:aa"},"begun_at":1700000000000000000,"outcome":"good","message":null,"note":null}]}' AS BLOB));
COMMIT;
