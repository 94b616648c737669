import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { club } from "./support/club-blueprint.ts";
import { legacyFolder, withDatabase } from "./support/legacy-files.ts";
import { createMover, type MovedLicense, type MovedSource } from "./support/move-source.ts";
import { turnstile } from "./support/turnstile-system.ts";

const { moveSource, rowsOf } = await createMover();

const TABLES = `
  CREATE TABLE lizenz (schluessel TEXT, verein TEXT, passwort TEXT);
  CREATE TABLE Kunden (id INTEGER PRIMARY KEY, name TEXT, status TEXT, Beitrag TEXT, pin_hash TEXT, seit TIMESTAMP
    DEFAULT CURRENT_TIMESTAMP, lizenz_id INTEGER, spind INTEGER);
  CREATE TABLE gaeste (id INTEGER PRIMARY KEY, name TEXT, gast_von INTEGER);
  CREATE TABLE besuche (id INTEGER PRIMARY KEY, wer TEXT, wer_id INTEGER, zeit TEXT);
  CREATE TABLE druckauftraege (id INTEGER);
  CREATE TABLE pokale (jahr INTEGER, platz INTEGER)`;

function writeClub(folder: string, name: string, change: (db: DatabaseSync) => void): void {
  withDatabase(join(folder, "clubs", name), (db) => {
    db.exec(TABLES);
    change(db);
  });
}

let moved: MovedSource;
let north: MovedLicense;

beforeAll(async () => {
  const folder = legacyFolder();
  mkdirSync(join(folder, "clubs"));
  writeClub(folder, "nord.db", (db) =>
    db.exec(`
      INSERT INTO lizenz VALUES ('TURN-1', 'SV Nord', 'geheim');
      INSERT INTO Kunden VALUES (1, 'Jürgen', 'aktiv', '1.250 €', 'sha1:x', '2024-03-01 10:00:00', 9, 7),
        (2, 'Ayşe', 'gekündigt', 'nach Absprache', NULL, '2024-03-02 10:00:00', 9, NULL),
        (3, 'Ole', 'ruhend', '30 €', 'sha1:y', '2024-03-03 10:00:00', 9, NULL);
      INSERT INTO gaeste VALUES (1, 'Gast', 1), (2, 'Oles Gast', 3);
      INSERT INTO besuche VALUES (1, 'member', 1, '2024-07-01 18:00'), (2, 'member', 1, '2024-12-01 18:00:30'),
        (3, 'guest', 1, '2024-07-01 18:00'), (4, 'guest', 2, '2024-07-01 18:00'), (5, 'member', 77, '2024-07-01 18:00');
      INSERT INTO druckauftraege VALUES (1);
      INSERT INTO pokale VALUES (2019, 1)`),
  );
  writeClub(folder, "sued.db", (db) => db.exec("INSERT INTO lizenz VALUES ('TURN-2', 'SV Süd', '')"));
  writeClub(folder, "sued-kopie.db", (db) => db.exec("INSERT INTO lizenz VALUES ('TURN-2', 'SV Süd', '')"));
  writeFileSync(join(folder, "clubs", "alt.db"), "this is no database");
  moved = await moveSource(club, turnstile, folder);
  north = moved.moved.find(({ license }) => license.key === "TURN-1") as MovedLicense;
});

describe("the worked example of a third system", () => {
  it("is the one that docs/legacy-systems.md shows", () => {
    const page = readFileSync(join(import.meta.dirname, "../docs/legacy-systems.md"), "utf8");
    for (const file of ["club-blueprint.ts", "turnstile-system.ts"]) {
      const code = readFileSync(join(import.meta.dirname, "support", file), "utf8");
      expect(page).toContain(`\`\`\`ts\n// test/support/${file}\n${code}\`\`\`\n`);
    }
  });

  it("finds its licenses, and what is wrong with others", () => {
    expect(moved.licenses.map(({ key, clientName, refused }) => [key, clientName, refused])).toEqual([
      ["TURN-1", "SV Nord", null],
      ["TURN-2", "SV Süd", "clubs/sued-kopie.db and clubs/sued.db both say that they are it."],
    ]);
    expect(moved.findings).toEqual([
      { file: "clubs/alt.db", code: "file-without-license", detail: "clubs/alt.db: it tells no license." },
    ]);
  });

  it("brings in what fits", async () => {
    expect(north.outcome).toMatchObject({ kind: "imported", figures: { tries: 1 } });
    expect(
      await rowsOf(
        north,
        `select name, state, fee, fee_text, pin_hash, joined_at at time zone 'UTC' as joined,
           last_visit at time zone 'UTC' as last from members order by id`,
      ),
    ).toMatchObject([
      { name: "Jürgen", state: "active", fee: "1250.00", fee_text: "1.250 €", pin_hash: "sha1:x" },
      { name: "Ayşe", state: "left", fee: null, fee_text: "nach Absprache", last: null },
    ]);
    const times = `select to_char(joined_at at time zone 'UTC', 'HH24:MI') as joined,
      to_char(last_visit at time zone 'UTC', 'MM-DD HH24:MI:SS') as last from members where id = 1`;
    expect(await rowsOf(north, times)).toEqual([{ joined: "10:00", last: "12-01 17:00:30" }]);
    expect(await rowsOf(north, "select who, who_id from visits order by id")).toEqual([
      { who: "member", who_id: 1 },
      { who: "member", who_id: 1 },
      { who: "guest", who_id: 1 },
    ]);
  });

  it("keeps what the blueprint doesn't know, and no secret", async () => {
    expect(await rowsOf(north, "select * from legacy_pokale")).toEqual([{ jahr: "2019", platz: "1" }]);
    expect(await rowsOf(north, `select * from "legacy_Kunden" order by id`)).toEqual([
      { id: "1", spind: "7" },
      { id: "2", spind: null },
      { id: "3", spind: null },
    ]);
    expect(await rowsOf(north, "select * from legacy_lizenz")).toEqual([
      { schluessel: "TURN-1", verein: "SV Nord" },
    ]);
    expect(north.planned.leftOut.map(({ table, column }) => [table, column])).toEqual([
      ["druckauftraege", null],
      ["Kunden", "lizenz_id"],
      ["lizenz", "passwort"],
    ]);
  });

  it("tells every row that stays outside, and why", () => {
    expect(north.quarantined.map(({ table, rowId, code }) => [table, rowId, code])).toEqual([
      ["Kunden", "3", "not-allowed"],
      ["gaeste", "2", "depends"],
      ["besuche", "4", "depends"],
      ["besuche", "5", "orphan"],
    ]);
    expect(JSON.stringify(north.quarantined)).not.toContain("sha1");
  });
});
