import {
  createPostgresBackend,
  PostgresConnection,
  PostgresQueueBackend,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
} from "bullmq";
import { Redis } from "ioredis";
import { JOB_CATALOGUE, type OperationJobData, type OperationJobResult } from "./catalogue.ts";

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

/** A worker, and what to close after it. */
export interface Opened<T> {
  readonly instance: T;
  /** False while it is known that nobody would answer: what is asked then only piles up. */
  readonly isReachable: () => boolean;
  readonly closeConnection: () => Promise<void>;
}

/** One process's connection for putting jobs on queues; all its queues share it. */
export interface QueueConnection {
  /** Opens the producer's side of a queue; closing the queue leaves the connection. */
  openQueue<D = OperationJobData, R = OperationJobResult>(
    name: string,
    options: Omit<QueueOptions, "connection">,
  ): Queue<D, R, string>;
  /** False while it is known that nobody would answer: what is asked then only piles up. */
  readonly isReachable: () => boolean;
  readonly close: () => Promise<void>;
}

/** Calls made on queues at once in one process; more wait for their turn. */
const QUEUE_CONNECTIONS = 4;
/** The same of one queue's worker, where PostgreSQL keeps the queue; it has one more to listen on. */
const WORKER_CONNECTIONS = 2;

/** Connections that one process opens at most for its queues, where PostgreSQL keeps them. */
export function queueConnectionsAtMost(works: boolean): number {
  const workers = works ? JOB_CATALOGUE.length + 1 : 0;
  return QUEUE_CONNECTIONS + workers * (WORKER_CONNECTIONS + 1);
}

/** Connects, in the background. `onError` hears of connections that are lost. */
export function connectQueues(
  store: QueueStore,
  applicationName: string,
  onError: (error: Error) => void,
): QueueConnection {
  if (store.kind === "postgres") {
    const settings = postgresConnection(store.connectionString, applicationName, QUEUE_CONNECTIONS);
    // A connection and a look at the migrations for each queue alone took almost half of opening an installation.
    const connection = new PostgresConnection(settings);
    connection.on("error", onError);
    return {
      openQueue: <D, R>(name: string, options: Omit<QueueOptions, "connection">) =>
        new Queue(
          name,
          { ...options, connection: settings },
          (queue) => new PostgresQueueBackend(connection, queue, { ...options, connection: settings }, false),
        ) as unknown as Queue<D, R, string>,
      isReachable: () => true,
      close: () => connection.close(),
    };
  }
  const redis = connectRedis(store.url, applicationName);
  return {
    openQueue: <D, R>(name: string, options: Omit<QueueOptions, "connection">) =>
      new Queue<D, R, string>(name, {
        ...options,
        connection: redis,
        prefix: store.prefix,
        skipWaitingForReady: true,
      }) as Queue<D, R, string>,
    isReachable: () => redis.status === "ready",
    close: async () => redis.disconnect(),
  };
}

/** Opens the consumer's side. It waits for as long as its store is away, and goes on by itself. */
export function openWorker<D = OperationJobData, R = OperationJobResult>(
  store: QueueStore,
  name: string,
  applicationName: string,
  processor: Processor<D, R, string>,
  options: Omit<WorkerOptions, "connection"> & { concurrency: number },
): Opened<Worker<D, R, string>> {
  if (store.kind === "postgres") {
    const connection = postgresConnection(store.connectionString, applicationName, WORKER_CONNECTIONS);
    const worker = new Worker(
      name,
      processor as unknown as Processor,
      { ...options, connection },
      createPostgresBackend,
    );
    return {
      instance: worker as unknown as Worker<D, R, string>,
      isReachable: () => true,
      closeConnection: async () => undefined,
    };
  }
  const redis = connectRedis(store.url, applicationName);
  const worker = new Worker<D, R, string>(name, processor, {
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
