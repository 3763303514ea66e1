// Plays the turns of a journey with a client, one after the other, and says what was not as expected. Knows no server.

import { messageOf, systemClock } from '../../../src/lib/index.ts';
import type { Baremetal, Said } from './baremetal.ts';
import type { Turn } from './journey.ts';

/** What takes longer than this never comes: generous, for a machine that does ten other things. */
const UNTIL_MS = 60_000;

export type Kept = Map<string, string>;

export async function playTurn(client: Baremetal, turn: Turn, kept: Kept): Promise<void> {
  // What shall be refused is asked once: the client would try five times more, with pauses, after a 409.
  const words = [...((turn.exit ?? 0) === 0 ? [] : ['--max-retries', '0']), ...wordsOf(turn.run).map((word) => filled(word, kept))];
  const ends = systemClock.monotonic() + UNTIL_MS;
  for (;;) {
    const said = await client.run(words);
    const wrong = complaint(turn, said, kept);
    if (wrong === undefined) {
      keep(turn, said, kept);
      return;
    }
    if (turn.until !== true || systemClock.monotonic() > ends) {
      throw new Error(`baremetal ${words.join(' ')}\n${wrong}\nexit ${said.code}\n${said.stdout}\n${said.stderr}`);
    }
  }
}

/** The different commands of some turns: the words before the first that is an option, a name or a value. */
export function commandsOf(turns: readonly Turn[], known: readonly string[]): Set<string> {
  const longestFirst = known.toSorted((a, b) => b.length - a.length);
  return new Set(turns.flatMap(({ run }) => longestFirst.find((name) => run === name || run.startsWith(`${name} `)) ?? []));
}

export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, plain]) => single ?? double ?? plain ?? '');
}

function filled(text: string, kept: Kept): string {
  // Only names: JSON among the words has braces too.
  return text.replaceAll(/\{([a-z]\w*)\}/g, (_, name: string) => {
    const value = kept.get(name);
    if (value === undefined) throw new Error(`nothing was kept as ${name}`);
    return value;
  });
}

function complaint(turn: Turn, said: Said, kept: Kept): string | undefined {
  const wanted = turn.exit ?? 0;
  if (said.code !== wanted) return `ended with ${said.code}, not ${wanted}`;
  const all = said.stdout + said.stderr;
  const missing = (turn.says ?? []).map((text) => filled(text, kept)).find((text) => !all.includes(text));
  if (missing !== undefined) return `did not say ${JSON.stringify(missing)}`;
  if (turn.shows === undefined && turn.rows === undefined) return undefined;
  const shown: unknown = JSON.parse(said.stdout);
  if (turn.rows !== undefined && (!Array.isArray(shown) || shown.length !== turn.rows)) return `did not show ${turn.rows} rows`;
  const shape: unknown = JSON.parse(filled(JSON.stringify(turn.shows ?? null), kept));
  return shape === null ? undefined : different(shape, shown, '');
}

/** Undefined when `shown` holds all of `shape`: of objects the keys named, of lists each item in turn; an empty one must be empty. */
function different(shape: unknown, shown: unknown, path: string): string | undefined {
  if (Array.isArray(shape)) {
    if (!Array.isArray(shown)) return `${path} is no list`;
    if (shape.length === 0 && shown.length > 0) return `${path} is not empty`;
    return firstOf(shape.map((item, index) => different(item, shown[index], `${path}/${index}`)));
  }
  if (typeof shape === 'object' && shape !== null) {
    if (typeof shown !== 'object' || shown === null) return `${path} is no object`;
    const entries = Object.entries(shape);
    if (path !== '' && entries.length === 0 && Object.keys(shown).length > 0) return `${path} is not empty`;
    return firstOf(entries.map(([key, value]) => different(value, Reflect.get(shown, key), `${path}/${key}`)));
  }
  return shape === shown ? undefined : `${path} is ${JSON.stringify(shown)}, not ${JSON.stringify(shape)}`;
}

function firstOf(complaints: readonly (string | undefined)[]): string | undefined {
  return complaints.find((one) => one !== undefined);
}

function keep(turn: Turn, said: Said, kept: Kept): void {
  for (const [name, column] of Object.entries(turn.keep ?? {})) {
    try {
      const shown: unknown = JSON.parse(said.stdout);
      const row: unknown = Array.isArray(shown) ? shown[0] : shown;
      kept.set(name, String(Reflect.get(row as object, column))); // throws below when it is none
    } catch (error) {
      throw new Error(`baremetal ${turn.run} showed no ${column} to keep: ${messageOf(error)}`);
    }
  }
}
