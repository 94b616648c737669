import manifest from "../package.json" with { type: "json" };

/** Of this software, as archives name it. */
export const VERSION: string = manifest.version;
