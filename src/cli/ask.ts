// A question to the person at the terminal. Only there is one to ask: programs say their yes by options.

export type Ask = (question: string) => Promise<string>;

/** Undefined where nobody sits at both ends. */
export function askAt(input: NodeJS.ReadStream, output: NodeJS.WriteStream, signal: AbortSignal): Ask | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return async (question) => {
    // Loaded with the first question: most commands ask none.
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input, output });
    try {
      return await lines.question(question, { signal });
    } finally {
      lines.close();
    }
  };
}
