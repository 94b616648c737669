import Type, { type Static } from "typebox";

/** Parameters of the routes about one backup. */
export const BackupParams = Type.Object({
  id: Type.String({ maxLength: 64, description: "The backup's id" }),
});
export type BackupParams = Static<typeof BackupParams>;
