export { announceAgain, announceChildren, announceNew, withdraw } from "./announce.ts";
export {
  DELETIONS_AT_ONCE,
  JOB_CATALOGUE,
  MAINTENANCE_QUEUE,
  type OperationJobData,
  type OperationJobResult,
} from "./catalogue.ts";
export { Dispatcher, type DispatcherOptions } from "./dispatcher.ts";
export { eraseLicenseAndJobs } from "./erase-license.ts";
export { MaintenanceWorker, type MaintenanceWorkerOptions } from "./maintenance-worker.ts";
export { OperationQueues, type OperationQueuesOptions, QueueUnavailableError } from "./operation-queues.ts";
export { OperationWorkers, type OperationWorkersOptions } from "./operation-workers.ts";
export { type OperationQueue, type QueueStore, queueConnectionsAtMost } from "./store.ts";
