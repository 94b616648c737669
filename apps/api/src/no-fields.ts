import Type from "typebox";
import { Compile, type Validator } from "typebox/compile";

/** Of a request that says everything in its path: no body, or an empty object. */
export const noFields: Validator = Compile(Type.Object({}, { additionalProperties: false }));
