// The rules that keep the code's shape, each a pure function from what was read to complaints. The rooms and their order are data.

import type { Import, Source } from './source.ts';

/** From top to bottom. An import goes to a lower row; rooms of one row do not know each other. */
export const ROWS: readonly (readonly string[])[] = [
  ['cli', 'api', 'web'],
  ['reservations', 'enrol', 'clusters', 'checks'],
  ['lifecycle'],
  ['pipeline'],
  ['install', 'inspect', 'boot', 'power', 'proxmox'],
  ['nodes', 'access', 'conductors'],
  ['tasks'],
  ['net/dhcp', 'net/dhcp6', 'net/tftp'],
  ['net'],
  ['store', 'config'],
  ['lib'],
];

/** Rooms beside the rows, each with all that it may know. `main.ts` and `app.ts` wire, so they may know every room. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  // It talks to the API over HTTP; near is only what it starts, checks or builds on this machine.
  cli: ['lib', 'config', 'lab', 'boot', 'install'],
  // It runs on another machine, out of a bundle.
  agent: ['lib', 'inspect'],
  lab: ['lib', 'config'],
  // It runs before anything else can.
  setup: ['lib'],
};

/** Doors into the repository outside src, and who may go through. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = { 'images/index.ts': ['lab', 'setup', 'cli'] };

/** What the agent and the server say to each other, and which names of a machine both believe. */
const SHARED_WITH_AGENT: readonly string[] = ['protocol', 'inventory', 'identity', 'commands', 'disk-contents', 'facts'].map(
  (name) => `src/inspect/${name}.ts`,
);

const PURE_NAME = /\/(?:[a-z0-9-]+-)?(?:codec|decide|states|render)(?:-[a-z0-9-]+)?\.ts$/;
const EDGE_MODULES = /^node:(?:child_process|cluster|dgram|dns|fs|http|http2|https|net|readline|timers|tls|worker_threads)(?:\/|$)/;
const CLOCKS = ['Date.now', 'new Date()', 'performance.now', 'setTimeout()', 'setInterval()', 'setImmediate()'];
const CHANCE = ['Math.random', 'crypto.randomUUID', 'crypto.getRandomValues', 'crypto.randomBytes'];
const CHANCE_IMPORTS = ['randomBytes', 'randomFillSync', 'randomInt', 'randomUUID', 'webcrypto'];
const PROCESS_INPUT = ['process.argv', 'process.env'];

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 70;

export type Rule = (source: Source, all: ReadonlyMap<string, Source>) => string[];

/** `src/net/dhcp/codec.ts` → `net/dhcp`; `src/net/x.ts` is shared by the rooms inside `net`; files directly in src belong to no room. */
export function roomOf(path: string): string | undefined {
  const [first, second, third] = path.split('/');
  if (first !== 'src' || second === undefined || third === undefined) return undefined;
  return second === 'net' && path.split('/').length > 3 ? `net/${third}` : second;
}

export const importsGoDown: Rule = (source) => {
  const from = roomOf(source.path);
  if (from === undefined) return [];
  return relative(source).flatMap((one) => {
    const to = roomOf(one.target);
    if (to === from) return [];
    const where = `${source.path}:${one.line} imports ${one.target}`;
    if (to === undefined) return (OUTSIDE[one.target] ?? []).includes(from) ? [] : [`${where}, which is not a room that ${from} may know`];
    return mayKnow(from, to) ? [] : [`${where}: ${from} may not know ${to}`];
  });
};

export const othersComeThroughTheDoor: Rule = (source) =>
  relative(source).flatMap((one) => {
    const to = roomOf(one.target);
    if (to === undefined || one.target === `src/${to}/index.ts`) return [];
    const from = roomOf(source.path);
    const isInside = to === from || from?.startsWith(`${to}/`) === true;
    const isShared = from === 'agent' && SHARED_WITH_AGENT.includes(one.target);
    return isInside || isShared ? [] : [`${source.path}:${one.line} imports ${one.target}; the door is src/${to}/index.ts`];
  });

export const doorsNameTheirExports: Rule = (source) =>
  source.imports
    .filter((one) => one.isWholesale)
    .map((one) => `${source.path}:${one.line} exports everything of ${one.target}; name the exports`);

/**
 * The agent's bundle must hold no server side: it takes types only from the room it talks to, but for the files that both ends share,
 * and those know nothing but each other.
 */
export const agentTakesOnlyTypes: Rule = (source) => {
  if (SHARED_WITH_AGENT.includes(source.path))
    return relative(source)
      .filter((one) => !SHARED_WITH_AGENT.includes(one.target))
      .map((one) => `${source.path}:${one.line} is shared with the agent, but imports ${one.target}`);
  if (roomOf(source.path) !== 'agent') return [];
  return relative(source)
    .filter((one) => !['agent', 'lib'].includes(roomOf(one.target) ?? '') && !SHARED_WITH_AGENT.includes(one.target) && !one.isTypeOnly)
    .map((one) => `${source.path}:${one.line} imports more than types of ${one.target}`);
};

/** Files whose name promises purity, with everything they import from their own room. */
export const pureFilesStayPure: Rule = (source, all) => {
  if (!PURE_NAME.test(source.path)) return [];
  return withinRoom(source, all).flatMap((part) => [
    ...part.imports
      .filter((one) => !one.isTypeOnly && EDGE_MODULES.test(one.target))
      .map((one) => `${source.path} is pure by its name, but ${part.path}:${one.line} imports ${one.target}`),
    ...part.uses
      .filter(({ what }) => [...CLOCKS, ...CHANCE].includes(what) || what.startsWith('process.'))
      .map(({ what, line }) => `${source.path} is pure by its name, but ${part.path}:${line} uses ${what}`),
  ]);
};

/** The clock and chance are passed in; `lib` holds the only real ones. */
export const clockAndChanceArePassedIn: Rule = (source) => {
  if (['lib', 'setup'].includes(roomOf(source.path) ?? '')) return [];
  const used = source.uses
    .filter(({ what }) => CLOCKS.includes(what) || CHANCE.includes(what))
    .map(({ what, line }) => `${source.path}:${line} uses ${what}`);
  const imported = source.imports
    .filter((one) => !one.isTypeOnly)
    .filter(
      ({ target, names }) =>
        target.startsWith('node:timers') || (target === 'node:crypto' && names.some((name) => CHANCE_IMPORTS.includes(name))),
    )
    .map(({ target, line, names }) => `${source.path}:${line} imports ${names.join(', ')} of ${target}`);
  return [...used, ...imported];
};

/** Arguments and environment are read where a process begins, and nowhere else. */
export const onlyEntriesReadTheProcess: Rule = (source) => {
  const isEntry = roomOf(source.path) === 'setup' || /^src\/(?:agent\/)?main\.ts$/.test(source.path);
  if (isEntry) return [];
  return [
    ...source.uses.filter(({ what }) => PROCESS_INPUT.includes(what)).map(({ what, line }) => `${source.path}:${line} reads ${what}`),
    ...source.imports
      .filter((one) => one.target === 'node:process' && !one.isTypeOnly)
      .map((one) => `${source.path}:${one.line} imports ${one.target}`),
  ];
};

export const filesBeginWithWhatTheyAre: Rule = ({ path, headLines }) => {
  if (headLines === 0) return [`${path} does not begin with a comment that says what it is`];
  return headLines > 3 ? [`${path} begins with ${headLines} lines of comment; three are enough`] : [];
};

export const filesStaySmall: Rule = ({ path, lines }) => (lines > MAX_FILE_LINES ? [`${path} has ${lines} lines`] : []);

export const functionsStaySmall: Rule = ({ path, functions }) =>
  functions.filter(({ lines }) => lines > MAX_FUNCTION_LINES).map(({ line, lines }) => `${path}:${line} a function of ${lines} lines`);

function mayKnow(from: string, to: string): boolean {
  const beside = BESIDE[from];
  if (beside !== undefined) return beside.includes(to);
  const [above, below] = [rowOf(from), rowOf(to)];
  return above !== undefined && below !== undefined && above < below;
}

function rowOf(room: string): number | undefined {
  const row = ROWS.findIndex((rooms) => rooms.includes(room));
  return row < 0 ? undefined : row;
}

function relative(source: Source): Import[] {
  return source.imports.filter((one) => one.target.endsWith('.ts'));
}

/** The file and everything of its own room that it imports as more than types, however far. */
function withinRoom(source: Source, all: ReadonlyMap<string, Source>): Source[] {
  const seen = new Map([[source.path, source]]);
  for (const part of seen.values()) {
    for (const one of part.imports) {
      const next = all.get(one.target);
      if (next !== undefined && !one.isTypeOnly && roomOf(next.path) === roomOf(source.path)) seen.set(next.path, next);
    }
  }
  return [...seen.values()];
}
