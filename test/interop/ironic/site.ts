// An appliance for OpenStack clients: plain HTTP on loopback, as for clients on the same host, with a recorder in front of it.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from 'bcryptjs';
import { expect } from 'vitest';
import { ERROR, keysAt, VALIDATE, VALIDATION } from '../../fixtures/ironic/keys.ts';
import { type Exchange, expectedKeys, recordOf } from '../../fixtures/ironic/replies.ts';
import { makeSite, type Site, startAppliance } from '../../support/appliance.ts';
import { type Recorder, startRecorder } from './recorder.ts';

export interface IronicSite {
  readonly site: Site;
  readonly recorder: Recorder;
  close(): Promise<void>;
}

const QUIET = '[tftp]\nenabled = false\n';

/** Writes what the appliance needs for it, and gives its part of the config. */
export type AuthMode = (site: Site) => Promise<string>;

export const OPEN: AuthMode = async () => '[auth]\nmode = "none"\n';

export const LOGIN = { user: 'operator', password: 'correct horse' } as const;
const QUICK_COST = 4;

export const BASIC: AuthMode = async ({ directory }) => {
  const path = join(directory, 'htpasswd');
  await writeFile(path, `${LOGIN.user}:${await hash(LOGIN.password, QUICK_COST)}\n`, { mode: 0o600 });
  return `[auth]\nmode = "basic"\nhtpasswd_file = "${path}"\n`;
};

export async function startIronicSite(auth: AuthMode): Promise<IronicSite> {
  const site = await makeSite();
  await mkdir(site.dataDir, { recursive: true });
  // The first line still belongs to [server].
  await site.configure(`tls = false\n${QUIET}${await auth(site)}`);
  const appliance = await startAppliance(site);
  const recorder = await startRecorder(site.apiPort);
  return {
    site,
    recorder,
    async close() {
      await recorder.close();
      await appliance.stop();
      await site.remove();
    },
  };
}

/** The text of `create FILE`: a node with a port, made through one command. */
export async function writeResources(directory: string, tag: string, mac: string): Promise<string> {
  const path = join(directory, 'resources.json');
  const node = { name: `f1-${tag}`, driver: 'fake-hardware', ports: [{ address: `52:54:00:${mac}:f1` }] };
  await writeFile(path, JSON.stringify({ nodes: [node] }));
  return path;
}

/** Every reply has Ironic's keys, and every refusal Ironic's form. */
export function expectIronicKeys(exchanges: readonly Exchange[]): void {
  for (const exchange of exchanges) {
    for (const { what, found, wanted } of expectedKeys(exchange) ?? []) {
      // What one interface or another adds to the list of validations is no business of a client's.
      const extra = wanted.every((key) => key in VALIDATE) ? ['firmware', 'vendor'] : [];
      expect(
        found.filter((key) => !extra.includes(key)),
        what,
      ).toEqual(wanted);
    }
    if (exchange.status >= 400) expectError(exchange);
    if (exchange.url.endsWith('/validate') && exchange.status === 200) expectValidations(exchange);
  }
}

function expectError({ method, url, status, body }: Exchange): void {
  const what = `${method} ${url}: ${status} ${JSON.stringify(body)}`;
  expect(Object.keys(recordOf(body)), what).toEqual(['error_message']);
  const text: unknown = recordOf(body).error_message;
  expect(typeof text, what).toBe('string');
  const fault: unknown = JSON.parse(String(text));
  expect(Object.keys(recordOf(fault)).sort(), what).toEqual(keysAt(ERROR, 1));
  expect(recordOf(fault).faultcode, what).toBe(status >= 500 ? 'Server' : 'Client');
}

function expectValidations({ url, body }: Exchange): void {
  for (const [name, validation] of Object.entries(recordOf(body))) {
    // A reason is given only where there is one.
    expect(keysAt(VALIDATION, 1), `${url} ${name}`).toEqual(expect.arrayContaining(Object.keys(recordOf(validation))));
    expect(Object.keys(recordOf(validation)), `${url} ${name}`).toContain('result');
  }
}
