import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { ArchiveError } from "./archive-error.ts";
import { decrypt, encrypt } from "./keys.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** COPY text in one part of a table's rows, at most. */
export const PART_BYTES = 2 * 1024 * 1024;
/** Contents, statements and figures in plain, at most. */
export const TEXT_BYTES = 256 * 1024 * 1024;

// Of rows in COPY text, level 1 makes no more bytes than 3 does, in half the time.
const LEVEL = 1;
const MAX_CHUNK_BYTES = 512 * 1024;
const ENCRYPTED = ".enc";

/** How an archive's members are kept: under whose key, if any. */
export interface Sealing {
  readonly archiveId: string;
  readonly dataKey: Buffer | null;
}

/** A member's name in the tar. `plain` is one that ends in `.zst`. */
export function sealedName(plain: string, encrypted: boolean): string {
  return encrypted ? plain + ENCRYPTED : plain;
}

/** Compresses (one zstd frame) and encrypts, where that is so, what lies under the name `plain`. */
export async function seal(sealing: Sealing, plain: string, text: Buffer): Promise<Buffer> {
  const frame = await compress(text, {
    // Each chunk of output is a task of its own for the thread pool: most parts come to one.
    chunkSize: Math.min(MAX_CHUNK_BYTES, text.length + 1024),
    pledgedSrcSize: text.length,
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 },
  });
  return sealing.dataKey === null ? frame : encrypt(sealing.dataKey, frame, context(sealing, plain));
}

/**
 * Takes the encryption off, where there is one: a zstd frame.
 *
 * @throws ArchiveError of kind `corrupt`.
 */
export function unseal(sealing: Sealing, plain: string, content: Buffer): Buffer {
  if (sealing.dataKey === null) return content;
  const frame = decrypt(sealing.dataKey, content, context(sealing, plain));
  if (frame === null) throw new ArchiveError("corrupt", `${plain} isn't what was encrypted`);
  return frame;
}

/**
 * Decompresses one frame.
 *
 * @throws ArchiveError of kind `corrupt`; also if there is more than `maxBytes` in it.
 */
export async function unpack(plain: string, frame: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    const chunkSize = Math.min(PART_BYTES, Math.max(4096, frame.length * 8));
    return await decompress(frame, { chunkSize, maxOutputLength: maxBytes });
  } catch (cause) {
    throw new ArchiveError("corrupt", `${plain} can't be decompressed`, { cause });
  }
}

/** Which archive and which member: so that no member can stand in another's place. */
function context({ archiveId }: Sealing, plain: string): string {
  return `${archiveId}/${plain}${ENCRYPTED}`;
}
