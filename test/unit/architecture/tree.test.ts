// The rules of the architecture, asked of every file in src. An exception stands here with its reason, and goes when it is no longer needed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  agentTakesOnlyTypes,
  clockAndChanceArePassedIn,
  doorsNameTheirExports,
  filesBeginWithWhatTheyAre,
  filesStaySmall,
  functionsStaySmall,
  importsGoDown,
  onlyEntriesReadTheProcess,
  othersComeThroughTheDoor,
  pureFilesStayPure,
  type Rule,
  roomOf,
} from './rules.ts';
import { readSources } from './source.ts';

interface Exception {
  readonly file: string;
  readonly why: string;
}

const RULES: readonly { readonly name: string; readonly rule: Rule; readonly except?: readonly Exception[] }[] = [
  { name: 'imports go down the rows and never up or sideways', rule: importsGoDown },
  { name: 'a room is entered through its index.ts', rule: othersComeThroughTheDoor },
  { name: 'a door names its exports one by one', rule: doorsNameTheirExports },
  { name: 'the agent takes only types from the server side', rule: agentTakesOnlyTypes },
  { name: 'files that are pure by name touch neither clock, chance nor the system', rule: pureFilesStayPure },
  {
    name: 'clock and chance are passed in',
    rule: clockAndChanceArePassedIn,
    except: [
      { file: 'src/store/transaction.ts', why: 'guards against an await that never ends, also while a test holds the clock still' },
      { file: 'src/store/sqlite/writer.ts', why: 'gathers what arrives within a few real milliseconds into one commit' },
      { file: 'src/store/keys.ts', why: 'only names a temporary file; nothing depends on the name' },
    ],
  },
  { name: 'only entries read arguments and environment', rule: onlyEntriesReadTheProcess },
  { name: 'files begin with one to three lines that say what they are', rule: filesBeginWithWhatTheyAre },
  { name: 'files stay under 400 lines', rule: filesStaySmall },
  { name: 'functions stay within 70 lines', rule: functionsStaySmall },
];

const root = join(import.meta.dirname, '../../..');
const sources = readSources(root, 'src');
const byPath = new Map(sources.map((source) => [source.path, source]));

describe('the tree', () => {
  it('is read at all', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(byPath.get('src/lib/index.ts')?.imports.length).toBeGreaterThan(5);
  });

  it.each(RULES)('$name', ({ rule, except = [] }) => {
    const excepted = new Set(except.map(({ file }) => file));
    const complaints = sources.map((source) => ({ file: source.path, found: rule(source, byPath) }));
    expect(complaints.filter(({ file }) => !excepted.has(file)).flatMap(({ found }) => found)).toEqual([]);
    const needed = complaints.filter(({ found }) => found.length > 0).map(({ file }) => file);
    expect(
      [...excepted].filter((file) => !needed.includes(file)),
      'exceptions that nothing needs any more',
    ).toEqual([]);
  });

  it('switches the check of certificates off nowhere but where a pin or the loopback takes its place', () => {
    const off = sources
      .map(({ path }) => path)
      .filter((path) => /rejectUnauthorized|NODE_TLS_REJECT/.test(readFileSync(join(root, path), 'utf8')));
    // The agent, the client of Proxmox VE and the http power driver compare the fingerprint before they send a byte; the health check sends nothing and asks its own machine.
    expect(off).toEqual(['src/agent/pinned-agent.ts', 'src/power/http-ask.ts', 'src/proxmox/tls.ts', 'src/setup/healthcheck.ts']);
  });

  it('has a door in every room', () => {
    const rooms = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => room !== undefined));
    // These two are programs of their own: nothing else imports them.
    const programs = new Set(['agent', 'setup']);
    const isShared = (room: string): boolean => [...rooms].some((other) => other.startsWith(`${room}/`));
    expect([...rooms].filter((room) => !programs.has(room) && !isShared(room) && !byPath.has(`src/${room}/index.ts`))).toEqual([]);
  });
});
