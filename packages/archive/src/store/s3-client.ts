import type { S3Client } from "@aws-sdk/client-s3";

const CONNECT_MS = 10_000;
/** Without a byte either way. */
const IDLE_MS = 60_000;
/** Until an answer begins; a part of 10 MB goes over a line of 300 kbit/s in that time. */
const ANSWER_MS = 300_000;
const ATTEMPTS = 5;

export interface S3 {
  readonly client: S3Client;
  readonly sdk: typeof import("@aws-sdk/client-s3");
  readonly Upload: typeof import("@aws-sdk/lib-storage").Upload;
}

/**
 * Loads the SDK, which takes longer than all that a command does without it. Credentials, region and whatever else isn't
 * said here come from AWS's own variables and files, by the SDK's own rules.
 *
 * @param endpoint of a server other than Amazon's: its buckets are addressed by path, and no region has to be set.
 */
export async function openS3(endpoint: string | null): Promise<S3> {
  const [sdk, { Upload }] = await Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/lib-storage")]);
  const elsewhere = endpoint === null ? {} : { endpoint, forcePathStyle: true, region: regionOf(sdk) };
  const client = new sdk.S3Client({
    ...elsewhere,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
      socketTimeout: IDLE_MS,
    },
  });
  return { client, sdk, Upload };
}

/** The one that is set, or else what servers other than Amazon's take for granted. */
function regionOf({ S3Client }: S3["sdk"]): () => Promise<string> {
  return async () => {
    const unset = new S3Client({});
    try {
      return await unset.config.region();
    } catch {
      return "us-east-1";
    } finally {
      unset.destroy();
    }
  };
}
