import { join } from "node:path";
import { BlueprintError } from "../blueprint/errors.ts";

/** A place in a blueprint's folder that is wrong. */
export interface FolderFault {
  /** Relative to the folder; null for the folder itself. */
  readonly file: string | null;
  /** From 1; null where the file as a whole is meant. */
  readonly line: number | null;
  readonly detail: string;
}

/** The faults of one folder. */
export interface FolderFaults {
  readonly folder: string;
  readonly faults: readonly FolderFault[];
}

/** Blueprints' folders that can't be used: all that is wrong with them, place by place. */
export class BlueprintFolderError extends BlueprintError {
  override readonly name: string = "BlueprintFolderError";
  override readonly hint: string;
  /** The message without the places and the remedy. */
  readonly headline: string;
  /** One line each: `my-blueprint/0002_tags.up.sql:3: …`. */
  readonly faults: readonly string[];
  readonly folders: readonly FolderFaults[];

  constructor(folders: readonly FolderFaults[], options?: ErrorOptions & { readonly hint?: string }) {
    const names = folders.map(({ folder }) => folder);
    const headline = `The ${names.length === 1 ? "blueprint" : "blueprints"} in ${names.join(", ")} can't be used.`;
    const lines = folders.flatMap(({ folder, faults }) =>
      inOrder(faults).map((fault) => faultLine(folder, fault)),
    );
    const hint =
      options?.hint ?? `Correct these places, then look again with \`tenantry blueprint check ${names[0]}\`.`;
    super(`${headline}\n${lines.map((line) => `  ${line}`).join("\n")}\n${hint}`, options);
    this.headline = headline;
    this.faults = lines;
    this.folders = folders;
    this.hint = hint;
  }
}

function faultLine(folder: string, { file, line, detail }: FolderFault): string {
  const place = file === null ? folder : join(folder, file);
  return `${place}${line === null ? "" : `:${line}`}: ${detail}`;
}

function inOrder(faults: readonly FolderFault[]): readonly FolderFault[] {
  const before = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return faults.toSorted((a, b) => before(a.file ?? "", b.file ?? "") || (a.line ?? 0) - (b.line ?? 0));
}
