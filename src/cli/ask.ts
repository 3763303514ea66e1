// A question to the person at the terminal. Only there is one to ask: programs say their yes by options.

/** `hidden`: what is typed is not shown. */
export type Ask = (question: string, how?: 'hidden') => Promise<string>;

/** Undefined where nobody sits at both ends. */
export function askAt(input: NodeJS.ReadStream, output: NodeJS.WriteStream, signal: AbortSignal): Ask | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return async (question, how) => {
    // Loaded with the first question: most commands ask none.
    const [{ createInterface }, { Writable }] = await Promise.all([import('node:readline/promises'), import('node:stream')]);
    const nowhere = new Writable({ write: (_chunk, _encoding, written) => written() });
    const lines = createInterface(how === 'hidden' ? { input, output: nowhere, terminal: true } : { input, output });
    try {
      if (how !== 'hidden') return await lines.question(question, { signal });
      output.write(question);
      const said = await lines.question('', { signal });
      output.write('\n');
      return said;
    } finally {
      lines.close();
    }
  };
}
