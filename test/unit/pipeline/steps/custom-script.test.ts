// A program of the operator: looked at, run once, or as often as its own check says.

import { describe, expect, it } from 'vitest';
import type { ScriptOrder, Scripts } from '../../../../src/pipeline/index.ts';
import { step } from '../../../../src/pipeline/steps/custom-script.ts';
import { containing } from '../../../support/containing.ts';
import { provesIdempotence, stepWorld } from '../../../support/pipeline.ts';

const SHA = 'a'.repeat(64);
const FOUND = { path: '/data/scripts/tell.sh', sha256: SHA, problem: null };
const ARGS = { script: 'tell.sh', words: ['rack', '7'] };

type Ending = { readonly code: number | null; readonly stdout?: string; readonly stderr?: string };

function world(answer: (order: ScriptOrder) => Ending = () => ({ code: 0 }), found: Partial<typeof FOUND> | Scripts['find'] = FOUND) {
  const orders: ScriptOrder[] = [];
  const scripts: Scripts = {
    directory: '/data/scripts',
    find: typeof found === 'function' ? found : () => Promise.resolve({ ...FOUND, ...found }),
    run: (_, order) => {
      orders.push(order);
      return Promise.resolve({ stdout: '', stderr: '', ...answer(order) });
    },
  };
  return { orders, one: stepWorld({ scripts, cluster: { name: 'home' }, profile: { name: 'pve' } }) };
}

describe('check', () => {
  it('names the file, its words and its sum, and runs nothing', async () => {
    const { orders, one } = world();
    const plan = [`/data/scripts/tell.sh rack 7 runs (SHA-256 ${SHA})`];
    expect(await step.check(one.context(step, ARGS))).toEqual({ is: 'needed', plan });
    expect(orders).toEqual([]);
  });

  it('is impossible without the file, and where the file is not fit to run', async () => {
    const none = world(undefined, () => Promise.resolve(undefined)).one;
    expect(await step.check(none.context(step, ARGS))).toMatchObject({ is: 'impossible', reason: 'there is no tell.sh in /data/scripts' });
    const problem = { reason: 'anybody writes it', hint: 'chmod' };
    const open = world(undefined, () => Promise.resolve({ ...FOUND, problem }));
    expect(await step.check(open.one.context(step, ARGS))).toEqual({ is: 'impossible', ...problem });
    await expect(step.apply(open.one.context(step, ARGS))).rejects.toMatchObject({ code: 'pipeline.impossible' });
    expect(open.orders).toEqual([]);
  });

  it.each(['../evil', '/bin/sh', '.hidden', '-rf', 'a b', ''])('refuses the name "%s"', (script) => {
    const { one } = world();
    expect(() => one.context(step, { script })).toThrow();
  });

  it('asks the program itself where it knows --check', async () => {
    const args = { ...ARGS, check: true };
    const said = async (ending: Ending) => {
      const { one, orders } = world(() => ending);
      const verdict = await step.check(one.context(step, args));
      expect(orders.map(({ words }) => words)).toEqual([['--check', 'rack', '7']]);
      return verdict;
    };
    expect(await said({ code: 0, stdout: 'all told\n' })).toEqual({ is: 'satisfied', words: 'all told' });
    expect(await said({ code: 1, stdout: 'rack 7: tells\u001b[2J it\n\n' })).toEqual({ is: 'needed', plan: ['rack 7: tells [2J it'] });
    expect(await said({ code: 1 })).toMatchObject({ is: 'needed', plan: [containing('tell.sh runs')] });
    expect(await said({ code: 2, stderr: 'no such rack\n' })).toMatchObject({
      is: 'impossible',
      reason: containing('ended with 2: no such rack'),
    });
    expect(await said({ code: null })).toMatchObject({ is: 'impossible' });
  });
});

describe('apply', () => {
  it('gives the facts on its input and in variables, logs what it says and keeps its sum; in a run it runs once', async () => {
    const { orders, one } = world(() => ({ code: 0, stdout: 'told\n', stderr: 'careful\n' }));
    await step.apply(one.context(step, ARGS));
    await step.apply(one.context(step, ARGS));
    expect(orders).toHaveLength(1);
    expect(orders[0]).toMatchObject({
      words: ['rack', '7'],
      env: { RACKSEED_NODE_NAME: 'pve1', RACKSEED_NODE_ADDRESS: '10.0.0.11', RACKSEED_PROFILE: 'pve', RACKSEED_CLUSTER: 'home' },
    });
    expect(JSON.parse(orders[0]?.input ?? '')).toMatchObject({ node: { name: 'pve1' }, cluster: { name: 'home' }, members: [] });
    expect(one.logs).toEqual([`tell.sh begins: SHA-256 ${SHA}`, 'tell.sh: told', 'tell.sh: careful']);
    expect(await step.check(one.context(step, ARGS))).toEqual({ is: 'satisfied', words: `tell.sh ran (SHA-256 ${SHA})` });
    expect(await step.check(one.context(step, { ...ARGS, words: [] }))).toMatchObject({ is: 'needed' });
  });

  it('fails with what the program said last, and does not take it for done', async () => {
    const { one } = world(() => ({ code: 3, stdout: 'begins\n', stderr: 'first\nno room\n' }));
    await expect(step.apply(one.context(step, ARGS))).rejects.toMatchObject({
      code: 'pipeline.step_failed',
      message: 'tell.sh ended with 3: no room',
      hint: containing('/data/scripts/tell.sh'),
    });
    expect(await step.check(one.context(step, ARGS))).toMatchObject({ is: 'needed' });
  });

  it('may be cut off and begun anew', async () => {
    expect(await provesIdempotence(step, ARGS, () => world().one)).toMatchObject({ cuts: 1 });
  });

  it('with a check of its own runs until that says it is so', async () => {
    const kept = new Set<string>();
    const { orders, one } = world(({ words }) => {
      if (words[0] === '--check') return { code: kept.has('told') ? 0 : 1 };
      kept.add('told');
      return { code: 0 };
    });
    const args = { ...ARGS, check: true };
    await step.apply(one.context(step, args));
    await step.apply(one.context(step, args));
    expect(orders.filter(({ words }) => words[0] !== '--check')).toHaveLength(1);
    kept.clear();
    expect(await step.check(one.context(step, args))).toMatchObject({ is: 'needed' });
  });
});
