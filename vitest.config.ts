import { defineConfig } from "vitest/config";

const services = { globalSetup: ["test/support/global-setup.ts"], hookTimeout: 60_000 };

// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration from the default export
export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["{apps,packages}/**/*.unit.test.ts"] } },
      {
        test: {
          name: "db",
          include: ["{apps,packages}/**/*.db.test.ts"],
          testTimeout: 30_000,
          ...services,
        },
      },
      {
        test: {
          name: "system",
          include: ["test/**/*.system.test.ts"],
          testTimeout: 90_000,
          ...services,
        },
      },
    ],
    // Each file starts servers or hashes passwords; more at once than cores only makes time limits lie.
    maxWorkers: 4,
  },
});
