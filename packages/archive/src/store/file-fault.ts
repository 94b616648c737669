import { StoreError, type StoreErrorKind, storeFault } from "./store-error.ts";

const KINDS: Readonly<Record<string, Exclude<StoreErrorKind, "not-found">>> = {
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EACCES: "denied",
  EPERM: "denied",
  EROFS: "denied",
  ENOTDIR: "invalid",
  EISDIR: "invalid",
  ELOOP: "invalid",
  ENAMETOOLONG: "invalid",
  EINVAL: "invalid",
};

/** What the operating system says of a file, as a store's error. */
export function fileFault(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = errorCode(error) ?? "unexpected";
  return storeFault(KINDS[code] ?? "away", code, { cause: error });
}

export async function ofFiles<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fileFault(error);
  }
}

export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : undefined;
}
