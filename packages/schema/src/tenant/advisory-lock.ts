/** Spaces for two-key advisory locks, so that ours never meet an application's. The first key names what is locked. */
export const ADVISORY_LOCK_SPACE = {
  controlMigration: 0x74_6e_00_01,
  tenantSchema: 0x74_6e_00_02,
  gateway: 0x74_6e_00_03,
} as const;
