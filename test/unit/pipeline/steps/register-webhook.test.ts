// A message to another program: once, signed, told apart when it comes twice.

import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PostRequest } from '../../../../src/pipeline/index.ts';
import { step } from '../../../../src/pipeline/steps/register-webhook.ts';
import { containing } from '../../../support/containing.ts';
import { provesIdempotence, stepWorld, type WorldOptions } from '../../../support/pipeline.ts';

const KEY = 'correct horse battery';
const ARGS = { url: 'https://cmdb.example/hooks/s3cr3t-path', secret: 'cmdb' };

function world(more: WorldOptions = {}) {
  return stepWorld({ cluster: { name: 'home' }, profile: { name: 'pve' }, secrets: { cmdb: KEY }, ...more });
}

describe('check', () => {
  it('names the place but not its path, sends nothing and notes nothing', async () => {
    const one = world();
    const verdict = await step.check(one.context(step, ARGS));
    expect(verdict).toEqual({ is: 'needed', plan: [containing('https://cmdb.example is told of pve1')] });
    expect(JSON.stringify([verdict, step.describe(one.context(step, ARGS).args)])).not.toContain('s3cr3t-path');
    expect([one.posted, one.notes.size]).toEqual([[], 0]);
    expect(await step.check(one.context(step, { url: ARGS.url }))).toEqual({ is: 'needed', plan: [containing('unsigned')] });
  });

  it('is impossible without the secret that it names, and says where to write it', async () => {
    const one = world({ secrets: {} });
    expect(await step.check(one.context(step, ARGS))).toMatchObject({ is: 'impossible', hint: containing('name = "cmdb"') });
    await expect(step.apply(one.context(step, ARGS))).rejects.toMatchObject({ code: 'pipeline.impossible' });
    expect(one.posted).toEqual([]);
  });

  it.each(['ftp://x/', 'https://u:p@x/', 'https://', 'https://x/a b', 'https://x/#a'])('refuses the url %s', (url) => {
    const one = world();
    expect(() => one.context(step, { url })).toThrow();
  });

  it('is impossible for a url that only looks like one', async () => {
    const one = world();
    expect(await step.check(one.context(step, { url: 'https://[x/' }))).toMatchObject({ is: 'impossible' });
  });
});

describe('apply', () => {
  it('sends the facts once, signed over time and body', async () => {
    const one = world();
    await step.apply(one.context(step, ARGS));
    await step.apply(one.context(step, ARGS));
    expect(await step.check(one.context(step, ARGS))).toEqual({ is: 'satisfied', words: 'https://cmdb.example was told (status 200)' });
    expect(one.posted).toHaveLength(1);
    const { url = '', headers = {}, body = '' }: Partial<PostRequest> = one.posted[0] ?? {};
    const at = String(Math.floor(one.clock.now() / 1000));
    expect(url).toBe(ARGS.url);
    expect(headers['x-rackseed-timestamp']).toBe(at);
    expect(headers['x-rackseed-signature']).toBe(`sha256=${createHmac('sha256', KEY).update(`${at}.${body}`).digest('hex')}`);
    expect(JSON.parse(body)).toMatchObject({ type: 'node.registered', node: { name: 'pve1' }, profile: 'pve', cluster: 'home' });
    expect(JSON.stringify(one.posted)).not.toContain(KEY);
  });

  it('without a secret is not signed', async () => {
    const one = world();
    await step.apply(one.context(step, { url: ARGS.url }));
    expect(one.posted[0]?.headers).not.toHaveProperty('x-rackseed-signature');
  });

  it('cut off before its note it sends the same message under the same number', async () => {
    const one = world();
    one.dieAfter(1);
    await expect(step.apply(one.context(step, ARGS))).rejects.toMatchObject({ code: 'pipeline.not_reached' });
    one.mend();
    await one.clock.advance(60_000);
    expect(await step.check(one.context(step, ARGS))).toMatchObject({ is: 'needed' });
    await step.apply(one.context(step, ARGS));
    const [first, second] = one.posted;
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['x-rackseed-delivery']).toBe(first?.headers['x-rackseed-delivery']);
    expect(second?.headers['x-rackseed-timestamp']).not.toBe(first?.headers['x-rackseed-timestamp']);
  });

  it('cut off anywhere it has told the same in the end, under one number', async () => {
    const told = ({ posted }: ReturnType<typeof world>): string =>
      JSON.stringify([...new Set(posted.map(({ url, headers, body }) => `${url} ${String(headers['x-rackseed-delivery'])} ${body}`))]);
    expect(await provesIdempotence(step, ARGS, world, told)).toMatchObject({ cuts: 1 });
  });

  it('two such steps of a run each tell their own place', async () => {
    const one = world();
    const other = { url: 'http://10.0.0.5:8080/' };
    await step.apply(one.context(step, ARGS));
    expect(await step.check(one.context(step, other))).toMatchObject({ is: 'needed' });
    await step.apply(one.context(step, other));
    expect(one.posted.map(({ url }) => url)).toEqual([ARGS.url, other.url]);
  });

  it.each([
    [500, 'pipeline.not_reached'],
    [429, 'pipeline.not_reached'],
    [403, 'pipeline.step_failed'],
    [302, 'pipeline.step_failed'],
  ])('status %i is no success (%s), and it is not taken for told', async (status, code) => {
    const one = world({ post: () => Promise.resolve({ status }) });
    await expect(step.apply(one.context(step, ARGS))).rejects.toMatchObject({ code, message: containing(`HTTP status ${status}`) });
    expect(await step.check(one.context(step, ARGS))).toMatchObject({ is: 'needed' });
  });
});
