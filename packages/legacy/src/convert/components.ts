/** Tables that refer to each other in a circle, or one table alone. */
export interface Component {
  readonly tables: readonly number[];
  /** True of several, and of one that refers to itself. */
  readonly isCircle: boolean;
}

/**
 * Of each table the circle that it is in: Tarjan's strongly connected components.
 *
 * @param references of each table, by index, the tables that it refers to.
 */
export function components(references: readonly (readonly number[])[]): Component[] {
  const found: Component[] = [];
  const order: number[] = [];
  const low: number[] = [];
  const stack: number[] = [];
  let visited = 0;
  const visit = (at: number): void => {
    const number = visited++;
    order[at] = number;
    low[at] = number;
    stack.push(at);
    for (const next of references[at] ?? []) {
      if (order[next] === undefined) visit(next);
      if (stack.includes(next)) low[at] = Math.min(low[at] ?? number, low[next] ?? number);
    }
    if (low[at] !== number) return;
    const tables = stack.splice(stack.indexOf(at)).sort((a, b) => a - b);
    const component = { tables, isCircle: tables.length > 1 || (references[at] ?? []).includes(at) };
    for (const table of tables) found[table] = component;
  };
  for (const at of references.keys()) if (order[at] === undefined) visit(at);
  return found;
}
