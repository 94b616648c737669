import { StoreError, type StoreErrorKind, storeFault } from "./store-error.ts";

type Kind = Exclude<StoreErrorKind, "not-found">;

/** S3's own words, and those of servers that speak it. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const KINDS: Readonly<Record<string, Kind>> = {
  QuotaExceeded: "full",
  XMinioAdminBucketQuotaExceeded: "full",
  InsufficientCapacity: "full",
  EntityTooLarge: "full",
  CredentialsProviderError: "denied",
  TokenProviderError: "denied",
  InvalidAccessKeyId: "denied",
  ExpiredToken: "denied",
  InvalidToken: "denied",
  NoSuchUpload: "away",
  PreconditionFailed: "away",
  RequestTimeout: "away",
  NoSuchBucket: "invalid",
};

/** What to say in place of its word where that alone says too little. */
const DETAILS: Readonly<Record<string, string>> = {
  CredentialsProviderError: "no credentials in AWS's variables and files",
  NoSuchBucket: "NoSuchBucket: BACKUP_URL names a bucket that isn't there",
  PreconditionFailed: "it was replaced while it was read",
};

/**
 * What the SDK throws, as a store's error. It isn't passed on as the cause: S3's answers to a wrong signature repeat parts
 * of the request that belong in no log.
 */
export function s3Fault(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const word = wordOf(error);
  const status = statusOf(error);
  const kind = KINDS[word] ?? kindOf(status, word);
  const detail = DETAILS[word] ?? (status === null ? word : `${word}, HTTP ${status}`);
  return storeFault(kind, detail);
}

/** Of an object; a bucket that isn't there is another trouble. */
export function isNotFound(error: unknown): boolean {
  return statusOf(error) === 404 && ["NoSuchKey", "NotFound"].includes(wordOf(error));
}

export function isNoSuchUpload(error: unknown): boolean {
  return wordOf(error) === "NoSuchUpload";
}

function kindOf(status: number | null, word: string): Kind {
  // What has no answer broke off on the way. The SDK has one sentence for a missing region, and no word.
  if (status === null) return word === REGION_MISSING ? "invalid" : "away";
  if (status === 507) return "full";
  if (status === 401 || status === 403) return "denied";
  if (status >= 500 || status === 408 || status === 429) return "away";
  return "invalid";
}

const REGION_MISSING = "AWS_REGION isn't set";

/** The server's or the system's word for it, if it is one. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return "unexpected";
  if (error.message === "Region is missing") return REGION_MISSING;
  const code = Reflect.get(error, "code");
  const word = typeof code === "string" && error.name === "Error" ? code : error.name;
  return /^[A-Za-z]\w{0,63}$/.test(word) ? word : "unexpected";
}

function statusOf(error: unknown): number | null {
  const metadata = Reflect.get(Object(error), "$metadata");
  const status = Reflect.get(Object(metadata), "httpStatusCode");
  return typeof status === "number" ? status : null;
}
