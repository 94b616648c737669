import { type ArchivedLicense, ArchiveError } from "@tenantry/archive";
import { LICENSE_TYPES } from "@tenantry/schema";
import { sql } from "kysely";
import Type, { type Static } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import type { Claim } from "../claim.ts";
import type { TenancyContext } from "../context.ts";
import type { LicenseRow } from "../license-view.ts";
import { holdClaim } from "../succeed-operation.ts";

const nullableText = () => Type.Union([Type.String(), Type.Null()]);

/** What was sold, of a license's record in an archive. Who uses it comes with the tenant's own rows. */
const Sold = Type.Object({
  client_name: Type.String(),
  email: nullableText(),
  phone: nullableText(),
  company: nullableText(),
  license_type: Type.Enum([...LICENSE_TYPES]),
  max_users: Type.Integer(),
  max_branches: Type.Integer(),
  parameters: Type.Record(Type.String(), Type.Unknown()),
  notes: nullableText(),
  admin_username: nullableText(),
  expires_at: nullableText(),
});
const validator: Validator = Compile(Sold);

/**
 * Gives a copy's license what the archive says was sold, once: what somebody changes after that stays. Returns the license as
 * it is then; null when the claim is lost.
 *
 * @throws ArchiveError when the archive's record isn't one of a license.
 */
export async function describeCopy(
  ctx: TenancyContext,
  claim: Claim,
  licenseId: string,
  archived: ArchivedLicense,
): Promise<LicenseRow | null> {
  if (!validator.Check(archived)) {
    throw new ArchiveError("corrupt", "what it says of the license isn't a license's record");
  }
  const sold = archived as unknown as Static<typeof Sold> & Pick<ArchivedLicense, "key">;
  return ctx.control.transaction().execute(async (transaction) => {
    if (!(await holdClaim(ctx, transaction, claim))) return null;
    const described = await transaction
      .selectFrom("license_events")
      .select("id")
      .where("license_id", "=", licenseId)
      .where("type", "=", "created")
      .executeTakeFirst();
    if (described === undefined) {
      await transaction
        .updateTable("licenses")
        .set({
          client_name: sold.client_name,
          email: sold.email,
          phone: sold.phone,
          company: sold.company,
          license_type: sold.license_type as LicenseRow["license_type"],
          max_users: sold.max_users,
          max_branches: sold.max_branches,
          parameters: JSON.stringify(sold.parameters),
          notes: sold.notes,
          admin_username: sold.admin_username,
          expires_at: sold.expires_at === null ? null : new Date(sold.expires_at),
        })
        .where("id", "=", licenseId)
        .execute();
      await transaction
        .insertInto("license_events")
        .values({
          license_id: licenseId,
          type: "created",
          actor: acceptedBy(claim.operationId),
          to: JSON.stringify({
            copyOf: sold.key,
            clientName: sold.client_name,
            licenseType: sold.license_type,
            blueprint: archived.blueprint,
            maxUsers: sold.max_users,
            maxBranches: sold.max_branches,
            expiresAt: sold.expires_at,
          }),
        })
        .execute();
    }
    return transaction
      .selectFrom("licenses")
      .selectAll()
      .where("id", "=", licenseId)
      .executeTakeFirstOrThrow();
  });
}

/** Who asked for an operation, for a line of a license's history. */
export function acceptedBy(operationId: string) {
  return sql<string>`(select actor from tenantry.operation_events where operation_id = ${operationId} and type = 'accepted' order by id limit 1)`;
}
