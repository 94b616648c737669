import type {
  SnapshotChunk,
  SnapshotContents,
  SnapshotFigures,
  SnapshotSink,
  SnapshotSource,
} from "../tenant-snapshot.ts";

/** A snapshot in memory. */
export class KeptSnapshot {
  contents!: SnapshotContents;
  figures!: SnapshotFigures;
  readonly chunks: SnapshotChunk[] = [];

  readonly sink: SnapshotSink = {
    begin: async (contents) => {
      this.contents = contents;
    },
    rows: async (table, chunk) => {
      this.chunks.push({ table, chunk });
    },
    end: async (figures) => {
      this.figures = figures;
    },
  };

  /** As it is kept, but for what is changed. */
  source(change: Partial<SnapshotContents> = {}, figures: Partial<SnapshotFigures> = {}): SnapshotSource {
    const { chunks } = this;
    return {
      contents: { ...this.contents, ...change },
      figures: { ...this.figures, ...figures },
      rows: async function* () {
        yield* chunks;
      },
    };
  }
}
