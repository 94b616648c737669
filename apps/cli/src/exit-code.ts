/** How a command ends. Part of the outside contract. */
export const EXIT = { done: 0, failed: 1, wrongUse: 2, partlyDone: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
