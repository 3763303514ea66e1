// The script by which a deployed system tells of its first boot, taken out of a config drive and run by sh, with curl and with Python, against
// TLS servers on loopback: one with the certificate that it was given, and one with another.

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDeployments, createImageFiles, type Deployments, type FirstBootReport } from '../../src/install/index.ts';
import { runProgram, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { createNodes } from '../../src/nodes/index.ts';
import { makeCertificate } from '../e2e/agent-stand-in.ts';
import { openTestStore } from '../support/store.ts';

const KEYS = [`ssh-ed25519 ${'A'.repeat(68)}`, `ssh-rsa ${'B'.repeat(372)}`];
const PROGRAMS = { curl: '/usr/bin/curl', python3: '/usr/bin/python3' } as const;
/** After the first failure the script would sleep: this ends it there. */
const SLEEP = '#!/bin/sh\nkill $PPID\n';

async function appliance(pinned: ReturnType<typeof makeCertificate>, shown = pinned) {
  const store = await openTestStore();
  const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const deployments: Deployments = createDeployments({
    ...common,
    nodes,
    images: createImageFiles({ directory: '/nowhere', named: [] }),
    certificate: pinned.cert,
    fetch: () => Promise.reject(new Error('nobody fetches here')),
    onReport: () => Promise.resolve(),
  });
  let requests = 0;
  const server = createServer({ key: shown.key, cert: shown.cert }, (request, response) => {
    requests += 1;
    const token = request.headers.authorization?.slice('Bearer '.length) ?? '';
    const isPath = request.url === '/api/agent/first-boot' && request.method === 'POST';
    void text(request)
      .then((body) => deployments.reported(token, JSON.parse(body) as FirstBootReport, '127.0.0.1')) // what is not so fails the test
      .then(
        () => 204,
        () => 401,
      )
      .then((status) => response.writeHead(isPath ? status : 404).end());
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has no other kind
  const { uuid } = await store.transaction((tx) =>
    nodes.create(tx, { driver: 'manual-management', name: 'pve1', instanceInfo: { first_boot: true } }, { who: 'user' }),
  );
  await store.db.updateTable('nodes').set({ provision_state: 'wait call-back' }).where('uuid', '=', uuid).execute();
  const drive = (await deployments.configDrive(uuid, `https://127.0.0.1:${port}`, new AbortController().signal)).toString('latin1');
  const start = drive.indexOf('#!/bin/sh\n# Tells');
  const script = drive.slice(start, drive.indexOf('\0', start));
  return { script, requests: () => requests, record: async () => (await nodes.get(uuid)).driverInternalInfo.first_boot };
}

/** As on a system that has of the two programs this one alone. */
async function runScript(script: string, program: keyof typeof PROGRAMS) {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-first-boot-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const [bin, ssh] = [join(directory, 'bin'), join(directory, 'ssh')];
  await Promise.all([mkdir(bin), mkdir(ssh)]);
  await writeFile(join(bin, 'sleep'), SLEEP, { mode: 0o755 });
  await writeFile(join(bin, 'hostname'), '#!/bin/sh\necho pve1\n', { mode: 0o755 });
  await symlink('/bin/cat', join(bin, 'cat'));
  await symlink(PROGRAMS[program], join(bin, program));
  await writeFile(join(ssh, 'ssh_host_ed25519_key.pub'), `${KEYS[0]} root@pve1\n`);
  await writeFile(join(ssh, 'ssh_host_rsa_key.pub'), `${KEYS[1]}`);
  return runProgram('/bin/sh', ['-c', script.replaceAll('/etc/ssh/', `${ssh}/`)], { env: { PATH: bin }, timeoutMs: 60_000 });
}

describe.each(['curl', 'python3'] as const)('the report of a first boot by %s', { timeout: 90_000 }, (program) => {
  it('reaches the appliance whose certificate it knows, with the host keys, and is not good again', async () => {
    const { script, record, requests } = await appliance(makeCertificate());
    expect(await runScript(script, program)).toMatchObject({ code: 0 });
    expect(await record()).toMatchObject({ hostname: 'pve1', ssh_host_keys: KEYS });
    expect(await runScript(script, program)).not.toMatchObject({ code: 0 });
    expect(requests()).toBe(2);
  });

  it('sends nothing to a server with another certificate', async () => {
    const { script, record, requests } = await appliance(makeCertificate(), makeCertificate());
    const { code, stderr } = await runScript(script, program);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(program === 'curl' ? /public key/i : /another certificate/);
    expect(requests()).toBe(0);
    expect(await record()).not.toHaveProperty('reported_at');
  });
});
