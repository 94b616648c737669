import {
  createPostgresBackend,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
} from "bullmq";
import { Redis } from "ioredis";
import type { OperationJobData, OperationJobResult } from "./catalogue.ts";

/** Where BullMQ keeps its jobs. */
export type QueueStore =
  | {
      readonly kind: "redis";
      readonly url: string;
      /** Of every key; tells installations that share a Redis apart. */
      readonly prefix: string;
    }
  /** A direct connection: its LISTEN doesn't work through a transaction pooler. */
  | { readonly kind: "postgres"; readonly connectionString: string };

/** The schema of BullMQ's tables in PostgreSQL. */
const QUEUE_SCHEMA = "tenantry_queue";

export type OperationQueue = Queue<OperationJobData, OperationJobResult, string>;
export type OperationWorker = Worker<OperationJobData, OperationJobResult, string>;
export type OperationProcessor = Processor<OperationJobData, OperationJobResult, string>;

/** A queue or worker, and what to close after it. */
export interface Opened<T> {
  readonly instance: T;
  /** False while it is known that nobody would answer: what is asked then only piles up. */
  readonly isReachable: () => boolean;
  readonly closeConnection: () => Promise<void>;
}

/** Opens the producer's side of a queue. */
export function openQueue(
  store: QueueStore,
  name: string,
  applicationName: string,
  options: Omit<QueueOptions, "connection">,
): Opened<OperationQueue> {
  if (store.kind === "postgres") {
    const connection = postgresConnection(store.connectionString, applicationName, 4);
    const queue = new Queue(name, { ...options, connection }, createPostgresBackend);
    return {
      instance: queue as unknown as OperationQueue,
      isReachable: () => true,
      closeConnection: async () => undefined,
    };
  }
  const redis = connectRedis(store.url, applicationName);
  const queue = new Queue<OperationJobData, OperationJobResult, string>(name, {
    ...options,
    connection: redis,
    prefix: store.prefix,
    skipWaitingForReady: true,
  });
  return {
    instance: queue,
    isReachable: () => redis.status === "ready",
    closeConnection: async () => redis.disconnect(),
  };
}

/** Opens the consumer's side. It waits for as long as its store is away, and goes on by itself. */
export function openWorker(
  store: QueueStore,
  name: string,
  applicationName: string,
  processor: OperationProcessor,
  options: Omit<WorkerOptions, "connection"> & { concurrency: number },
): Opened<OperationWorker> {
  if (store.kind === "postgres") {
    const connection = postgresConnection(store.connectionString, applicationName, options.concurrency + 1);
    const worker = new Worker(name, processor, { ...options, connection }, createPostgresBackend);
    return {
      instance: worker as unknown as OperationWorker,
      isReachable: () => true,
      closeConnection: async () => undefined,
    };
  }
  const redis = connectRedis(store.url, applicationName);
  const worker = new Worker<OperationJobData, OperationJobResult, string>(name, processor, {
    ...options,
    connection: redis,
    prefix: store.prefix,
  });
  return {
    instance: worker,
    isReachable: () => redis.status === "ready",
    closeConnection: async () => redis.disconnect(),
  };
}

function postgresConnection(connectionString: string, applicationName: string, max: number) {
  return {
    connectionString,
    application_name: applicationName,
    schema: QUEUE_SCHEMA,
    // BullMQ takes a lock of its own for this, so that processes starting together don't fight.
    migrate: true,
    max,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    // A crash of the server may forget the last jobs; the dispatcher rings again for what isn't done. Waiting for the
    // disk with every move of a job would cost more than the jobs themselves.
    options:
      "-c jit=off -c synchronous_commit=off -c statement_timeout=30000 -c idle_in_transaction_session_timeout=30000",
  };
}

const CONNECT_TIMEOUT_MS = 5_000;
const LONGEST_RECONNECT_MS = 2_000;

function connectRedis(url: string, connectionName: string): Redis {
  return new Redis(url, {
    // BullMQ asks for its first answers once only: they have to wait for a Redis that comes later than we do.
    maxRetriesPerRequest: null,
    connectionName,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 6), LONGEST_RECONNECT_MS),
  });
}
