import type { LegacySystem } from "../../legacy/legacy-system.ts";
import { AFTER_LOAD } from "./legacy/after-load.ts";
import { findLicenses } from "./legacy/find-licenses.ts";
import { TABLES } from "./legacy/tables.ts";

/** The old booking bot: a folder for each client, with a file of either version in it. */
export const oldBot: LegacySystem = {
  name: "booking",
  // What the bot's own code writes has its zone; what hasn't is the clock at the clients'.
  timeZone: "Europe/Moscow",
  findLicenses,
  mapping: { tables: TABLES, ignored: [], afterLoad: AFTER_LOAD },
};
