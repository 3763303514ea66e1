// An iPXE script taken apart the way iPXE does it: lines, words at blanks, operators that are words of their own, a comment from a word
// that begins with # on, and labels (iPXE, core/exec.c and image/script.c). For tests of what can and cannot change a script.

const OPERATORS: ReadonlySet<string> = new Set(['||', '&&', ';']);

export interface IpxeCommand {
  readonly words: readonly string[];
  /** What stands between it and the next command of the line; null at the end. */
  readonly operator: string | null;
}

export type IpxeLine = { readonly label: string } | { readonly commands: readonly IpxeCommand[] };

export function parseIpxe(script: string): readonly IpxeLine[] {
  const [first, ...lines] = script.split(/\r\n|[\n\r]/);
  if (first !== '#!ipxe') throw new Error(`does not begin with #!ipxe but with ${JSON.stringify(first)}`);
  if (script.includes('\0')) throw new Error('has a NUL, where iPXE would end');
  return lines.filter((line) => line.trim() !== '').map(parseLine);
}

function parseLine(line: string): IpxeLine {
  if (line.startsWith(':')) return { label: line.slice(1).trim() };
  const commands: IpxeCommand[] = [];
  let words: string[] = [];
  for (const word of line.split(/[ \t\v\f]+/).filter((one) => one !== '')) {
    if (word.startsWith('#')) break;
    if (OPERATORS.has(word)) {
      commands.push({ words, operator: word });
      words = [];
    } else words.push(word);
  }
  commands.push({ words, operator: null });
  return { commands };
}

/** The script with what a person reads taken out: what is left decides what the machine does. */
export function structureOf(script: string): unknown {
  return parseIpxe(script).map((line) =>
    'label' in line ? line : line.commands.map(({ words, operator }) => ({ words: words[0] === 'echo' ? ['echo'] : words, operator })),
  );
}

/** Every ${setting} in it. */
export function settingsIn(script: string): readonly string[] {
  return [...script.matchAll(/\$\{([^}]*)\}?/g)].map(([, name = '']) => name);
}
