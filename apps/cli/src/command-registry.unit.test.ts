import { describe, expect, it } from "vitest";
import { commandHelpText } from "./arguments/help-text.ts";
import { commandRegistry } from "./command-registry.ts";

describe("commandRegistry", () => {
  it.each(commandRegistry.map((each) => [each.path.join(" "), each] as const))(
    "tenantry %s explains itself and shows an example of its own",
    async (name, registered) => {
      const command = await registered.load();
      expect(command.description).toMatch(/\.$/);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) expect(example).toContain(`tenantry ${name}`);
      const help = commandHelpText(name, command);
      expect(help).toContain("--json");
      expect(help).toContain("--help");
      for (const option of Object.keys(command.options)) {
        expect(option).not.toMatch(/^(password|secret|token)$/);
        expect(help).toContain(`--${option}`);
      }
    },
    30_000,
  );
});
