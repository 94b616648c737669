import { defineConfig } from "vitest/config";

const services = { globalSetup: ["test/support/global-setup.ts"], hookTimeout: 60_000 };

// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration from the default export
export default defineConfig({
  test: {
    projects: [
      // Some try thousands of mutants: a busy machine takes its time for them.
      { test: { name: "unit", include: ["{apps,packages}/**/*.unit.test.ts"], testTimeout: 30_000 } },
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
    // Files that wait for a lease or a lock to end leave the processor to others; more at once make time limits lie.
    maxWorkers: 4,
    // Loading the same modules anew for each file took a fifth of the time. What files share through modules is constant.
    isolate: false,
  },
});
