import type { SnapshotSource } from "@tenantry/schema";

/** An archive that is loaded for as long as it is wanted: asked with each part of its rows, whose error ends the load. */
export function watchedSource(source: SnapshotSource, assertWanted: () => Promise<void>): SnapshotSource {
  return {
    contents: source.contents,
    figures: source.figures,
    rows: async function* () {
      for await (const chunk of source.rows()) {
        await assertWanted();
        yield chunk;
      }
    },
  };
}
