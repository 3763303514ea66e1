// How a command's words become options, and how its end is told.

export interface SimRan {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Words {
  readonly plain: readonly string[];
  readonly options: Readonly<Record<string, string>>;
}

export const done = (out: string): SimRan => ({ code: 0, out, err: '' });

/** PVE::CLIHandler ends with -1. */
export const failed = (err: string, out = ''): SimRan => ({ code: 255, out, err: err.endsWith('\n') ? err : `${err}\n` });

/** `--a b`, `--a=b`, `-a b`; the options named in `flags` may stand without a value. */
export function split(argv: readonly string[], flags: readonly string[]): Words {
  const plain: string[] = [];
  const options: Record<string, string> = {};
  for (let at = 0; at < argv.length; at += 1) {
    const [, name, value] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(argv[at] ?? '') ?? [];
    const next = argv[at + 1];
    if (name === undefined) plain.push(argv[at] ?? '');
    else if (value !== undefined) put(options, name, value);
    else if (flags.includes(name) && (next === undefined || !/^(0|1|yes|no|on|off|true|false)$/.test(next))) options[name] = '1';
    else {
      put(options, name, next ?? '');
      at += 1;
    }
  }
  return { plain, options };
}

/** An option that may be there more than once is a list: parts by NUL. */
function put(options: Record<string, string>, name: string, value: string): void {
  const before = options[name];
  options[name] = before === undefined ? value : `${before}\0${value}`;
}
