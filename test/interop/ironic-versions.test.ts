// Every resource in every version of the API: there or refused as Ironic does it, and with the keys of that version.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordOf } from '../fixtures/ironic/replies.ts';
import { expectIronicKeys, type IronicSite, OPEN, startIronicSite } from './ironic/site.ts';
import { MADE, READABLE } from './ironic/versions.ts';

const OLDEST = 1;
const NEWEST = 110;
const known = new Map<string, string>();
let ironic: IronicSite;

beforeAll(async () => {
  ironic = await startIronicSite(OPEN);
  for (const { name, path, body } of MADE) {
    const made = await ask(NEWEST, path, JSON.parse(filled(JSON.stringify(body))));
    expect(made, `${path}: ${JSON.stringify(made.body)}`).toMatchObject({ status: 201 });
    known.set(name, String(recordOf(made.body).uuid));
  }
  const { body } = await ask(NEWEST, '/v1/conductors');
  known.set('conductor', String(recordOf(Object.values(recordOf(body)).flat()[0]).hostname));
  ironic.recorder.exchanges.length = 0;
});

afterAll(() => ironic.close());

function filled(text: string): string {
  return text.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => known.get(name) ?? `{${name}}`);
}

async function ask(minor: number, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { 'X-OpenStack-Ironic-API-Version': `1.${minor}`, 'content-type': 'application/json' };
  const reply = await fetch(ironic.recorder.url + path, {
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  return { status: reply.status, body: await reply.json() };
}

describe('every version', () => {
  const minors = Array.from({ length: NEWEST - OLDEST + 1 }, (_, index) => OLDEST + index);

  it.each(READABLE)('reads $path, or is told that it is newer', async ({ path, since = OLDEST, before = 404 }) => {
    const from = ironic.recorder.exchanges.length;
    const told = await Promise.all(minors.map(async (minor) => ({ minor, status: (await ask(minor, filled(path))).status })));
    expect(told).toEqual(minors.map((minor) => ({ minor, status: minor < since ? before : 200 })));
    expectIronicKeys(ironic.recorder.exchanges.slice(from));
  });
});
