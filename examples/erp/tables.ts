import type { Generated } from "kysely";

/** What this service uses of the `erp` blueprint's tables. */
interface UsersTable {
  id: Generated<string>;
  username: string;
  email: string;
  full_name: string | null;
  password_hash: string;
  is_active: Generated<boolean>;
  is_admin: Generated<boolean>;
  branch_id: string | null;
}

interface BranchesTable {
  id: Generated<string>;
  code: string;
  name: string;
  is_active: Generated<boolean>;
}

// So that `request.tenant.db` knows them in every handler.
declare module "@tenantry/tenancy/fastify" {
  interface TenantTables {
    users: UsersTable;
    branches: BranchesTable;
  }
}
