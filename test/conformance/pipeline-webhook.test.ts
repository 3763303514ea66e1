// register-webhook over real HTTP: what a receiver gets, byte for byte, and what the step makes of receivers that behave badly.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { createPost } from '../../src/pipeline/index.ts';
import { step } from '../../src/pipeline/steps/register-webhook.ts';
import { containing } from '../support/containing.ts';
import { stepWorld } from '../support/pipeline.ts';

const KEY = 'correct horse battery';

async function receiver(answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

function world() {
  return stepWorld({ secrets: { cmdb: KEY }, post: createPost((url, init) => fetch(url, init)) });
}

it('arrives as it was signed', async () => {
  const got: { signed: boolean; body: unknown; path: string | undefined }[] = [];
  const url = await receiver(async (request, response) => {
    const body = await text(request);
    const { 'x-rackseed-timestamp': at, 'x-rackseed-signature': signature } = request.headers;
    const mac = `sha256=${createHmac('sha256', KEY)
      .update(`${String(at)}.${body}`)
      .digest('hex')}`;
    const given = Buffer.from(String(signature));
    got.push({
      signed: given.length === mac.length && timingSafeEqual(given, Buffer.from(mac)),
      body: JSON.parse(body),
      path: request.url,
    });
    response.writeHead(204).end();
  });
  const one = world();
  const args = { url: `${url}/hook?a=1`, secret: 'cmdb' };
  await step.apply(one.context(step, args));
  expect(await step.check(one.context(step, args))).toMatchObject({ is: 'satisfied' });
  expect(got).toMatchObject([{ signed: true, path: '/hook?a=1', body: { type: 'node.registered', node: { name: 'pve1' } } }]);
});

it('does not carry a signed message on to where a receiver leads', async () => {
  const elsewhere: string[] = [];
  const other = await receiver((request, response) => {
    elsewhere.push(request.url ?? '');
    response.end();
  });
  const url = await receiver((_, response) => void response.writeHead(307, { location: `${other}/stolen` }).end());
  const one = world();
  await expect(step.apply(one.context(step, { url, secret: 'cmdb' }))).rejects.toMatchObject({ message: containing('HTTP status 307') });
  expect(elsewhere).toEqual([]);
});

it('reads nothing of an answer without end, and says why nobody was told', async () => {
  const url = await receiver((_, response) => {
    response.writeHead(200);
    const pour = (): void => {
      if (!response.destroyed) response.write('x'.repeat(65_536), pour);
    };
    pour();
  });
  const one = world();
  await step.apply(one.context(step, { url }));
  const dead = await receiver((request) => void request.socket.destroy());
  await expect(step.apply(one.context(step, { url: dead }))).rejects.toMatchObject({
    code: 'pipeline.not_reached',
    message: containing(`${dead} could not be told: `),
  });
});
