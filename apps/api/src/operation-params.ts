import Type, { type Static } from "typebox";

/** Parameters of the routes about one operation. */
export const OperationParams = Type.Object({
  id: Type.String({ maxLength: 64, description: "The operation's id" }),
});
export type OperationParams = Static<typeof OperationParams>;
