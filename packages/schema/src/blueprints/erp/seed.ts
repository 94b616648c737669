import { sql } from "kysely";
import type { AnyKysely, SeedInput } from "../../blueprint/define.ts";
import { seedLimits } from "../../blueprint/limits.ts";
import { CHART_OF_ACCOUNTS } from "./chart-of-accounts.ts";
import { LIMITED } from "./migrations/0012-limits.ts";

const MAIN_BRANCH = "MAIN";
const ADMIN_ROLE = "admin";

/** Four statements: each costs a parse and a plan in every tenant that is made. */
export async function seedCommon(db: AnyKysely): Promise<void> {
  await db
    .insertInto("roles")
    .values([
      { name: ADMIN_ROLE, name_ar: "مدير النظام", description: "Full system access" },
      { name: "manager", name_ar: "مدير", description: "Manager access" },
      { name: "user", name_ar: "مستخدم", description: "Basic user access" },
    ])
    .execute();

  await db
    .insertInto("branches")
    .values({ code: MAIN_BRANCH, name: "الفرع الرئيسي", name_en: "Main Branch" })
    .execute();

  await db
    .insertInto("accounts")
    .values(
      CHART_OF_ACCOUNTS.map((root) => ({
        code: root.code,
        name: root.name,
        name_en: root.nameEn,
        account_type: root.type,
        is_system: true,
      })),
    )
    .execute();

  const children = CHART_OF_ACCOUNTS.flatMap((root) =>
    root.accounts.map(([code, name, nameEn]) => sql`(${code}, ${name}, ${nameEn}, ${root.code})`),
  );
  await sql`
    insert into accounts (code, name, name_en, account_type, parent_id)
    select child.code, child.name, child.name_en, root.account_type, root.id
    from (values ${sql.join(children)}) as child (code, name, name_en, root_code)
    join accounts as root on root.code = child.root_code
    order by child.code`.execute(db);
}

/**
 * The administrator and the limits. A license without an administrator gets none, and nobody can sign in until one is
 * made. Administrator and main branch take a place each.
 */
export async function seedLicense(db: AnyKysely, { license, admin }: SeedInput): Promise<void> {
  if (admin !== null) await seedAdmin(db, license, admin);
  await seedLimits(db, LIMITED, license);
}

async function seedAdmin(
  db: AnyKysely,
  license: SeedInput["license"],
  admin: NonNullable<SeedInput["admin"]>,
): Promise<void> {
  await db
    .insertInto("users")
    .values({
      username: admin.username,
      email: adminEmail(admin.username, license),
      password_hash: admin.passwordHash,
      full_name: license.clientName,
      phone: license.phone,
      is_admin: true,
      branch_id: db.selectFrom("branches").select("id").where("code", "=", MAIN_BRANCH),
      role_id: db.selectFrom("roles").select("id").where("name", "=", ADMIN_ROLE),
    })
    .execute();
}

/** As the legacy application made it up, for licenses without an address: the column is unique and can't be empty. */
function adminEmail(username: string, license: SeedInput["license"]): string {
  if (license.email?.includes("@")) return license.email;
  return `${username}@${license.company || "company"}.com`;
}
