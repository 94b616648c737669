import Type, { type Static } from "typebox";

/** Parameters of the routes about one legacy migration. */
export const LegacyRunParams = Type.Object({
  id: Type.String({ maxLength: 64, description: "The run's id: that of its operation" }),
});
export type LegacyRunParams = Static<typeof LegacyRunParams>;
