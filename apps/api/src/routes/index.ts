import type { FastifyInstance } from "fastify";
import type { Api } from "../api.ts";
import { activateLicenseRoute } from "./activate-license.ts";
import { backupContentRoute } from "./backup-content.ts";
import { cancelOperationRoute } from "./cancel-operation.ts";
import { certificateKeysRoute } from "./certificate-keys.ts";
import { changeLicenseRoute } from "./change-license.ts";
import { checkBackupRoute } from "./check-backup.ts";
import { checkLicenseRoute } from "./check-license.ts";
import { pauseFleetMigrationRoute, resumeFleetMigrationRoute } from "./control-fleet-migration.ts";
import { createFleetMigrationRoute } from "./create-fleet-migration.ts";
import { createLegacyMigrationRoute } from "./create-legacy-migration.ts";
import { createLicenseRoute } from "./create-license.ts";
import { createLicensesRoute } from "./create-licenses.ts";
import { createSessionRoute } from "./create-session.ts";
import { deactivateLicenseRoute } from "./deactivate-license.ts";
import { deleteLicenseRoute } from "./delete-license.ts";
import { deleteSessionRoute } from "./delete-session.ts";
import { dropKeptSchemaRoute } from "./drop-kept-schema.ts";
import { eraseLicenseRoute } from "./erase-license.ts";
import { extendLicenseRoute } from "./extend-license.ts";
import { extendLicensesRoute } from "./extend-licenses.ts";
import { getBackupRoute } from "./get-backup.ts";
import { getCertificateRoute } from "./get-certificate.ts";
import { getFleetMigrationRoute } from "./get-fleet-migration.ts";
import { getLegacyMigrationRoute } from "./get-legacy-migration.ts";
import { getLicenseRoute } from "./get-license.ts";
import { getOperationRoute } from "./get-operation.ts";
import { getSessionRoute } from "./get-session.ts";
import { importBackupRoute } from "./import-backup.ts";
import { legacyReportRoute } from "./legacy-report.ts";
import { licenseDriftRoute } from "./license-drift.ts";
import { licenseEventsRoute } from "./license-events.ts";
import { listBackupsRoute, listLicenseBackupsRoute } from "./list-backups.ts";
import { listFleetTenantsRoute } from "./list-fleet-tenants.ts";
import { listKeptSchemasRoute } from "./list-kept-schemas.ts";
import { listLegacyItemsRoute } from "./list-legacy-items.ts";
import { listLicensesRoute } from "./list-licenses.ts";
import { listOperationsRoute } from "./list-operations.ts";
import { listQuarantineRoute } from "./list-quarantine.ts";
import { livezRoute } from "./livez.ts";
import { metricsRoute } from "./metrics.ts";
import { openapiRoute } from "./openapi.ts";
import { operationEventsRoute } from "./operation-events.ts";
import { orderBackupRoute } from "./order-backup.ts";
import { orderBackupsRoute } from "./order-backups.ts";
import { readyzRoute } from "./readyz.ts";
import { restoreBackupRoute } from "./restore-backup.ts";
import { resumeLicenseRoute } from "./resume-license.ts";
import { resumeLicensesRoute } from "./resume-licenses.ts";
import { retryOperationRoute } from "./retry-operation.ts";
import { retryQuarantineRoute } from "./retry-quarantine.ts";
import { suspendLicenseRoute } from "./suspend-license.ts";
import { suspendLicensesRoute } from "./suspend-licenses.ts";
import { verifyBackupRoute } from "./verify-backup.ts";

const ROUTES: readonly ((app: FastifyInstance, api: Api) => void)[] = [
  createLicenseRoute,
  createLicensesRoute,
  suspendLicensesRoute,
  resumeLicensesRoute,
  extendLicensesRoute,
  listLicensesRoute,
  getLicenseRoute,
  changeLicenseRoute,
  suspendLicenseRoute,
  resumeLicenseRoute,
  activateLicenseRoute,
  deactivateLicenseRoute,
  extendLicenseRoute,
  checkLicenseRoute,
  licenseDriftRoute,
  licenseEventsRoute,
  getCertificateRoute,
  certificateKeysRoute,
  deleteLicenseRoute,
  createLegacyMigrationRoute,
  getLegacyMigrationRoute,
  listLegacyItemsRoute,
  listQuarantineRoute,
  retryQuarantineRoute,
  legacyReportRoute,
  orderBackupRoute,
  listLicenseBackupsRoute,
  eraseLicenseRoute,
  orderBackupsRoute,
  listBackupsRoute,
  importBackupRoute,
  getBackupRoute,
  backupContentRoute,
  checkBackupRoute,
  verifyBackupRoute,
  restoreBackupRoute,
  listKeptSchemasRoute,
  dropKeptSchemaRoute,
  createFleetMigrationRoute,
  getFleetMigrationRoute,
  listFleetTenantsRoute,
  pauseFleetMigrationRoute,
  resumeFleetMigrationRoute,
  listOperationsRoute,
  getOperationRoute,
  operationEventsRoute,
  retryOperationRoute,
  cancelOperationRoute,
  createSessionRoute,
  getSessionRoute,
  deleteSessionRoute,
  livezRoute,
  readyzRoute,
  metricsRoute,
  openapiRoute,
];

/** Every route but the docs' and the dashboard's. */
export function installRoutes(app: FastifyInstance, api: Api): void {
  for (const route of ROUTES) route(app, api);
}
