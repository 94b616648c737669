/** Does `count` pieces of work, `lanes` at once: whenever one ends, its lane begins the next. */
export async function inLanes(lanes: number, count: number, work: () => Promise<void>): Promise<void> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
