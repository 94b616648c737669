import { hash } from "node:crypto";
import { TAR_END, tarMember } from "../tar.ts";

export interface Piece {
  readonly name: string;
  readonly content: Buffer;
}

/** An archive's members, to be put together again otherwise. */
export function piecesOf(archive: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; archive[at] !== 0; ) {
    const name = archive.toString("latin1", at, archive.indexOf(0, at));
    const size = Number.parseInt(archive.toString("latin1", at + 124, at + 135), 8);
    pieces.push({ name, content: archive.subarray(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return pieces;
}

/** A faultless tar of them, with the times of `like`. */
export function tarOf(pieces: readonly Piece[], like: Buffer): Buffer {
  const modified = Number.parseInt(like.toString("latin1", 136, 147), 8);
  return Buffer.concat([...pieces.map((piece) => tarMember({ ...piece, modified })), TAR_END]);
}

/** The same with a list of sums that fits, as somebody without a key can make it. */
export function summedAnew(pieces: readonly Piece[]): Piece[] {
  const at = pieces.findIndex(({ name }) => name === "SHA256SUMS");
  const list = pieces
    .slice(0, at)
    .map(({ name, content }) => `${hash("sha256", content, "hex")}  ${name}\n`)
    .join("");
  return pieces.with(at, { name: "SHA256SUMS", content: Buffer.from(list) });
}
