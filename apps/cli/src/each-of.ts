import type { Page, PageRequest } from "@tenantry/tenancy";

const PAGE = 200;

/** Everything of a list that comes in pages, one page in memory at a time. */
export async function* eachOf<T>(fetch: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<T> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await fetch({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.items;
    cursor = page.nextCursor;
  }
}

/** The first of a list, and how many there are beyond. */
export async function firstOf<T>(
  list: AsyncIterable<T>,
  limit: number,
): Promise<{ readonly first: readonly T[]; readonly beyond: number }> {
  const first: T[] = [];
  let beyond = 0;
  for await (const each of list) {
    if (first.length < limit) first.push(each);
    else beyond++;
  }
  return { first, beyond };
}
