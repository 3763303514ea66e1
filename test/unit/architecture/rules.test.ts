// The rules themselves: each finds the fault it is there for, in a few lines written for it.

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
} from './rules.ts';
import { parseSource } from './source.ts';

/** Applies a rule to the first file; the others are there to be imported. */
function ask(rule: Rule, files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => parseSource(path, text));
  const [first] = sources;
  if (first === undefined) throw new Error('no file given');
  return rule(first, new Map(sources.map((source) => [source.path, source])));
}

describe('imports go down', () => {
  it.each([
    ['src/store/a.ts', "import { x } from '../nodes/index.ts';"],
    ['src/boot/a.ts', "import type { X } from '../api/index.ts';"],
    ['src/boot/a.ts', "import type { X } from '../power/index.ts';"],
    ['src/net/dhcp/a.ts', "export { x } from '../tftp/index.ts';"],
    ['src/net/dhcp/a.ts', "const x = await import('../../boot/index.ts');"],
    ['src/lib/a.ts', "let x: import('../store/index.ts').X;"],
    ['src/cli/a.ts', "import { openStore } from '../store/index.ts';"],
    ['src/store/a.ts', "import { x } from '../../bench/harness.ts';"],
    ['src/store/a.ts', "import { x } from '../app.ts';"],
  ])('finds an upward or sideways one in %s: %s', (path, text) => {
    expect(ask(importsGoDown, { [path]: text })).toHaveLength(1);
  });

  it.each([
    ['src/api/a.ts', "import { x } from '../nodes/index.ts';"],
    ['src/net/dhcp/a.ts', "import { x } from '../../lib/index.ts'; import { y } from './codec.ts';"],
    ['src/app.ts', "import { x } from './api/index.ts'; import { y } from './net/dhcp/index.ts';"],
    ['src/boot/a.ts', "// import { x } from '../api/index.ts';\nconst text = \"import '../api/index.ts'\";"],
    ['src/lab/a.ts', "import { ensureArtefacts } from '../../images/index.ts';"],
  ])('lets a downward one pass in %s: %s', (path, text) => {
    expect(ask(importsGoDown, { [path]: text })).toEqual([]);
  });
});

describe('a room', () => {
  it('is entered by others through its door only', () => {
    expect(ask(othersComeThroughTheDoor, { 'src/api/a.ts': "import type { X } from '../nodes/states.ts';" })).toHaveLength(1);
    expect(ask(othersComeThroughTheDoor, { 'src/app.ts': "import { x } from './net/dhcp/codec.ts';" })).toHaveLength(1);
    expect(ask(othersComeThroughTheDoor, { 'src/net/tftp/a.ts': "import { x } from '../dhcp/codec.ts';" })).toHaveLength(1);
    expect(ask(othersComeThroughTheDoor, { 'src/net/tftp/a.ts': "import { x } from '../token-buckets.ts';" })).toEqual([]);
    expect(ask(othersComeThroughTheDoor, { 'src/api/native/a.ts': "import { x } from '../errors.ts';" })).toEqual([]);
    expect(ask(othersComeThroughTheDoor, { 'src/app.ts': "import { x } from './net/dhcp/index.ts';" })).toEqual([]);
  });

  it('names what it exports', () => {
    expect(ask(doorsNameTheirExports, { 'src/nodes/index.ts': "export * from './states.ts';" })).toHaveLength(1);
    expect(ask(doorsNameTheirExports, { 'src/nodes/index.ts': "export { x } from './states.ts';" })).toEqual([]);
  });

  it('gives the agent only types', () => {
    expect(ask(agentTakesOnlyTypes, { 'src/agent/a.ts': "import { x } from '../inspect/index.ts';" })).toHaveLength(1);
    expect(ask(agentTakesOnlyTypes, { 'src/agent/a.ts': "import type { X } from '../inspect/index.ts';" })).toEqual([]);
    expect(ask(agentTakesOnlyTypes, { 'src/agent/a.ts': "import { type X, type Y } from '../inspect/index.ts';" })).toEqual([]);
  });

  it('shares with the agent only files that know nothing of the server', () => {
    const shared = { 'src/agent/a.ts': "import { X } from '../inspect/protocol.ts';" };
    expect([ask(agentTakesOnlyTypes, shared), ask(othersComeThroughTheDoor, shared)]).toEqual([[], []]);
    expect(ask(othersComeThroughTheDoor, { 'src/agent/a.ts': "import type { X } from '../inspect/lookup.ts';" })).toHaveLength(1);
    expect(ask(agentTakesOnlyTypes, { 'src/inspect/protocol.ts': "import { x } from './lookup.ts';" })).toHaveLength(1);
    expect(ask(agentTakesOnlyTypes, { 'src/inspect/protocol.ts': "import { x } from './inventory.ts';" })).toEqual([]);
  });
});

describe('a file that is pure by its name', () => {
  it.each([
    "import { readFileSync } from 'node:fs';",
    "import { createSocket } from 'node:dgram';",
    'export const now = () => Date.now();',
    'export const home = () => process.cwd();',
  ])('may not hold %s', (text) => {
    expect(ask(pureFilesStayPure, { 'src/boot/decide.ts': text })).toHaveLength(1);
    expect(ask(pureFilesStayPure, { 'src/net/dhcp/decide-full.ts': text })).toHaveLength(1);
    expect(ask(pureFilesStayPure, { 'src/boot/server.ts': text })).toEqual([]);
  });

  it('may not reach it through another file of its room', () => {
    const helper = { 'src/boot/files.ts': "import { readFileSync } from 'node:fs';" };
    expect(ask(pureFilesStayPure, { 'src/boot/decide.ts': "import { x } from './files.ts';", ...helper })).toHaveLength(1);
    expect(ask(pureFilesStayPure, { 'src/boot/decide.ts': "import type { X } from './files.ts';", ...helper })).toEqual([]);
  });
});

describe('what is passed in', () => {
  it.each([
    'Date.now();',
    'new Date();',
    'setTimeout(f, 1);',
    'Math.random();',
    "import { setTimeout } from 'node:timers/promises';",
    "import { randomUUID } from 'node:crypto';",
  ])('is not reached for by %s', (text) => {
    expect(ask(clockAndChanceArePassedIn, { 'src/nodes/a.ts': text })).toHaveLength(1);
    expect(ask(clockAndChanceArePassedIn, { 'src/lib/a.ts': text })).toEqual([]);
  });

  it('may be given a time to format, and a socket may have a timeout', () => {
    expect(ask(clockAndChanceArePassedIn, { 'src/nodes/a.ts': 'new Date(ms); server.setTimeout(1); clock.now();' })).toEqual([]);
  });

  it('includes arguments and environment, which only entries read', () => {
    expect(ask(onlyEntriesReadTheProcess, { 'src/config/a.ts': 'process.env.HOME; process.argv[2];' })).toHaveLength(2);
    expect(ask(onlyEntriesReadTheProcess, { 'src/config/a.ts': "import { env } from 'node:process';" })).toHaveLength(1);
    expect(ask(onlyEntriesReadTheProcess, { 'src/main.ts': 'process.env.HOME;' })).toEqual([]);
  });
});

describe('the size of things', () => {
  it('asks for one to three lines that say what a file is', () => {
    expect(ask(filesBeginWithWhatTheyAre, { 'src/a.ts': 'export {};' })).toHaveLength(1);
    expect(ask(filesBeginWithWhatTheyAre, { 'src/a.ts': '// a\n// b\n// c\n// d\n' })).toHaveLength(1);
    expect(ask(filesBeginWithWhatTheyAre, { 'src/main.ts': '#!/usr/bin/env node\n// a\nexport {};' })).toEqual([]);
  });

  it('is looked at when a file or a function grows long', () => {
    expect(ask(filesStaySmall, { 'src/a.ts': '// a\n'.repeat(401) })).toHaveLength(1);
    expect(ask(functionsStaySmall, { 'src/a.ts': `const f = () => {\n${'g();\n'.repeat(70)}};` })).toHaveLength(1);
    expect(ask(functionsStaySmall, { 'src/a.ts': `function f() {\n${'g();\n'.repeat(68)}}` })).toEqual([]);
  });

  it('does not add up the small functions of a factory', () => {
    const small = `const g = () => {\n${'h();\n'.repeat(40)}};\n`;
    expect(ask(functionsStaySmall, { 'src/a.ts': `function f() {\n${small.repeat(3)}}` })).toEqual([]);
    expect(ask(functionsStaySmall, { 'src/a.ts': `function f() {\n${small}${'h();\n'.repeat(70)}}` })).toHaveLength(1);
  });
});
