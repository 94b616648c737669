import { randomBytes, randomUUID } from "node:crypto";
import { type CompiledBlueprint, compileBlueprint, type SeedInput } from "@tenantry/schema";
import { erp } from "@tenantry/schema/blueprints/erp";
import { generateLicenseKey } from "@tenantry/tenancy";

/** A tenant to make, as it is after its request was accepted. */
export interface SampleTenant {
  readonly id: string;
  readonly operationId: string;
  readonly schema: string;
  readonly role: string;
  readonly seed: SeedInput;
}

/** Compiled once: no contender pays for it. */
export const compiledErp: CompiledBlueprint = await compileBlueprint(erp);

/** The same customer for everybody; names and keys differ, as they must. */
export const CUSTOMER = {
  clientName: "شركة الاختبار للتجارة",
  email: "owner@customer.example",
  phone: "+20 100 000 0000",
  company: "Benchmark Trading",
} as const;

export const ADMIN = { username: "admin", password: "correct horse battery staple" } as const;

/** A hash that nobody had to compute: only Tenantry hashes a password for each tenant. */
const READY_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

export function sampleTenant(): SampleTenant {
  const key = generateLicenseKey();
  const schema = `tenant_${key.toLowerCase().replaceAll("-", "_")}`;
  return {
    id: randomUUID(),
    operationId: randomUUID(),
    schema,
    role: `${schema}_${randomBytes(5).toString("hex")}`,
    seed: {
      license: { key, ...CUSTOMER, maxUsers: 10, maxBranches: 2 },
      admin: { username: ADMIN.username, passwordHash: READY_HASH },
      parameters: {},
    },
  };
}
