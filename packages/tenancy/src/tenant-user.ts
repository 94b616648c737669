/** The columns that sign-in relies on in a tenant's `users` table; a blueprint with `signIn: true` has them. */
export interface UsersTable {
  users: {
    id: string;
    username: string;
    email: string | null;
    full_name: string | null;
    password_hash: string | null;
    is_active: boolean | null;
    is_admin: boolean | null;
    language: string | null;
    last_login: Date | null;
  };
}

export const userColumns = [
  "id",
  "username",
  "email",
  "full_name",
  "is_active",
  "is_admin",
  "language",
  "last_login",
] as const;

/** A tenant's user as the API shows it. */
export interface TenantUser {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly fullName: string | null;
  readonly isAdmin: boolean;
  readonly language: string | null;
  readonly lastLogin: string | null;
}

export function toTenantUser(row: Pick<UsersTable["users"], (typeof userColumns)[number]>): TenantUser {
  return {
    // bigint comes as text and integer as a number; outside it is always text.
    id: String(row.id),
    username: row.username,
    email: row.email,
    fullName: row.full_name,
    isAdmin: row.is_admin === true,
    language: row.language,
    lastLogin: row.last_login?.toISOString() ?? null,
  };
}
