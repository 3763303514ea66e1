// custom-script with real programs: what they get, what they do not get, and how they are ended.

import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runProgram } from '../../src/lib/index.ts';
import { createScripts } from '../../src/pipeline/index.ts';
import { step } from '../../src/pipeline/steps/custom-script.ts';
import { containing } from '../support/containing.ts';
import { stepWorld } from '../support/pipeline.ts';

const LONG = { timeout: 60_000, interval: 20 };

async function open(text: string, mode = 0o755) {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-scripts-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'tell.sh'), text);
  await chmod(join(directory, 'tell.sh'), mode);
  const scripts = createScripts({
    directory,
    run: runProgram,
    env: { PATH: process.env.PATH, RACKSEED_STORE_KEY: 'the key of everything' },
  });
  return { directory, one: stepWorld({ scripts, cluster: { name: 'home' } }) };
}

it('gets the facts and its words, as they are, and nothing of the environment of the appliance', async () => {
  const { directory, one } = await open('#!/bin/sh\ncat > facts.json\nenv > env.txt\nprintf "%s\\n" "$@"\n');
  const words = ['a b', '$(id)', "'"];
  await step.apply(one.context(step, { script: 'tell.sh', words }));
  expect(JSON.parse(await readFile(join(directory, 'facts.json'), 'utf8'))).toMatchObject({
    node: { name: 'pve1' },
    cluster: { name: 'home' },
  });
  const env = await readFile(join(directory, 'env.txt'), 'utf8');
  expect(env).toContain('RACKSEED_NODE_NAME=pve1\n');
  expect(env).not.toContain('the key of everything');
  expect(one.logs.slice(1)).toEqual(words.map((word) => `tell.sh: ${word}`));
});

it('has a check of its own: looked at first, run, looked at again', async () => {
  const { one } = await open('#!/bin/sh\nif [ "$1" = --check ]; then [ -e told ] || { echo "tells it"; exit 1; }; exit 0; fi\n: > told\n');
  const args = { script: 'tell.sh', check: true };
  expect(await step.check(one.context(step, args))).toEqual({ is: 'needed', plan: ['tells it'] });
  await step.apply(one.context(step, args));
  expect(await step.check(one.context(step, args))).toMatchObject({ is: 'satisfied' });
});

it.each([
  [0o775, 'can be written by others', 'chmod go-w'],
  [0o757, 'can be written by others', 'chmod go-w'],
  [0o644, 'is not executable', 'chmod +x'],
])('with mode %o it is not run', async (mode, reason, hint) => {
  const { one } = await open('#!/bin/sh\n', mode);
  const context = one.context(step, { script: 'tell.sh' });
  expect(await step.check(context)).toMatchObject({ is: 'impossible', reason: containing(reason), hint: containing(hint) });
});

it('is ended with the run', async () => {
  const { directory, one } = await open('#!/bin/sh\necho $$ > pid.new\nmv pid.new pid\nexec sleep 600\n');
  const over = step.apply(one.context(step, { script: 'tell.sh' })).then(
    () => 'done',
    () => 'ended',
  );
  const pid = Number(await vi.waitFor(() => readFile(join(directory, 'pid'), 'utf8'), LONG));
  one.abort.abort(new Error('the appliance stops'));
  expect(await over).toBe('ended');
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), LONG);
}, 150_000);
