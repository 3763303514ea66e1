// What the real ansible-inventory makes of `rackseed inventory ansible` as its inventory script, over the API on a port of loopback.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { runProgram } from '../../src/lib/index.ts';
import type { Registered } from '../../src/pipeline/index.ts';
import { openApi } from '../unit/api/harness.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const ONE: Registered = {
  uuid: '11111111-2222-4333-8444-555555555555',
  name: 'pve1',
  fqdn: 'pve1.home.arpa',
  address: '10.0.0.11',
  profile: 'pve',
  cluster: 'home-1',
  state: 'active',
  maintenance: false,
  hostKeys: ['ssh-ed25519 AAAA'],
};
const EVIL: Registered = {
  ...ONE,
  uuid: 'u2',
  fqdn: 'pve2.home.arpa',
  name: 'pve2',
  address: 'fd00::7',
  profile: "{{ lookup('pipe', 'id') }}",
};

async function open() {
  const { app } = await openApi({ services: (real) => ({ ...real, roster: { list: () => Promise.resolve([ONE, EVIL]) } }) });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-ansible-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const script = join(directory, 'inventory.sh');
  await writeFile(script, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' inventory ansible "$@"\n`, { mode: 0o755 });
  const env = { PATH: process.env.PATH, HOME: directory, LC_ALL: 'C.UTF-8', RACKSEED_URL: url, RACKSEED_TOKEN: 'reader-token' };
  return async (...words: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await runProgram('ansible-inventory', ['-i', script, ...words], { env, timeoutMs: 120_000 });
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout);
  };
}

it('has our machines, in their groups, with what it signs in by; and carries out nothing that is in a name', async () => {
  const ask = await open();
  const listed = await ask('--list', '--export');
  expect(listed).toMatchObject({
    cluster_home_1: { hosts: ['pve1.home.arpa', 'pve2.home.arpa'] },
    profile_pve: { hosts: ['pve1.home.arpa'] },
    _meta: { hostvars: { 'pve2.home.arpa': { ansible_host: 'fd00::7' } } },
  });
  expect(JSON.stringify(listed)).not.toContain('uid=');
  expect(await ask('--host', 'pve1.home.arpa')).toEqual({
    ansible_host: '10.0.0.11',
    ansible_user: 'root',
    rackseed_cluster: 'home-1',
    rackseed_fqdn: 'pve1.home.arpa',
    rackseed_host_keys: ['ssh-ed25519 AAAA'],
    rackseed_maintenance: false,
    rackseed_name: 'pve1',
    rackseed_profile: 'pve',
    rackseed_state: 'active',
    rackseed_uuid: ONE.uuid,
  });
}, 300_000);
