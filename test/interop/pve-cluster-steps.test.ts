// Steps by the product's own client over real HTTPS, with the token that the appliance makes for itself: what it may do is enough for them, and a
// join changes the certificate that was pinned.

import { expect, it, onTestFinished } from 'vitest';
import { type Clock, type Secret, silentLog, systemClock } from '../../src/lib/index.ts';
import type { PipelineStep, StepContext } from '../../src/pipeline/index.ts';
import { step as backupJob } from '../../src/pipeline/steps/backup-job.ts';
import { step as haRule } from '../../src/pipeline/steps/ha-rule.ts';
import { step as metricServer } from '../../src/pipeline/steps/metric-server.ts';
import { step as notificationMatcher } from '../../src/pipeline/steps/notification-matcher.ts';
import { step as notificationTarget } from '../../src/pipeline/steps/notification-target.ts';
import { step as pveAcl } from '../../src/pipeline/steps/pve-acl.ts';
import { step as pveRole } from '../../src/pipeline/steps/pve-role.ts';
import { step as pveUser } from '../../src/pipeline/steps/pve-user.ts';
import { step as storage } from '../../src/pipeline/steps/storage.ts';
import { ensureToken, type OpenedPve, openPve, type Pve, type Ran, type RootShell } from '../../src/proxmox/index.ts';
import { certificateFor } from '../conformance/power/tls-pair.ts';
import { createWorld, execOn, startProxy, type World } from '../sim/pve/index.ts';
import { stepWorld } from '../support/pipeline.ts';

// Waits take no time: only sockets do.
const clock: Clock = { ...systemClock, sleep: (_, signal) => Promise.resolve().then(() => signal?.throwIfAborted()) };

function shellOn(world: World, name: string): RootShell & { readonly name: string } {
  const run = async (command: readonly string[]): Promise<Ran> => {
    if (command[0] === 'zfs') return { code: 0, signal: null, out: 'data\n', err: '' };
    return { signal: null, ...(await execOn(world, name, command)) };
  };
  const none = (): Promise<never> => Promise.reject(new Error('no step here asks for it'));
  return {
    name,
    address: world.members.get(name)?.ip ?? '',
    run,
    must: async (command) => {
      const { code, out, err } = await run(command);
      if (code !== 0) throw new Error(`${command.join(' ')}: ${err}`);
      return out;
    },
    script: none,
    readFile: none,
    writeFile: none,
  };
}

async function site() {
  const members = [1, 2].map((at) => ({ name: `pve${at}`, ip: `192.0.2.1${at}` }));
  const world = await createWorld({ release: '9.1', clock, members, certificateFor });
  const shell = shellOn(world, 'pve1');
  await shell.must(['pvecm', 'create', 'home']);
  const proxies = new Map<string, Awaited<ReturnType<typeof startProxy>>>();
  for (const member of world.members.values()) proxies.set(member.name, await startProxy(world, member));
  onTestFinished(async () => {
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
  });
  let kept: Secret | undefined;
  const vault = {
    read: () => Promise.resolve(kept),
    write: (token: Secret) => {
      kept = token;
      return Promise.resolve();
    },
  };
  const credentials = await ensureToken(shell, { vault });
  const open = (name: string, fingerprint: string): OpenedPve => {
    const { hostname: address, port } = new URL(proxies.get(name)?.url ?? '');
    const pve = openPve({
      address,
      port: Number(port),
      fingerprint,
      credentials,
      clock,
      log: silentLog,
      signal: new AbortController().signal,
    });
    onTestFinished(() => pve.close());
    return pve;
  };
  return { world, shell, open, fingerprint: (name: string) => world.members.get(name)?.tls.fingerprint ?? '' };
}

function contextOf<Args>(step: PipelineStep<Args>, args: Readonly<Record<string, unknown>>, shell: RootShell, pve: Pve): StepContext<Args> {
  const world = stepWorld({ machine: { name: 'pve1' }, cluster: { name: 'home', links: [] }, secrets: { gotify: 'hunter22' } });
  return { ...world.context(step, args), shell, pve: () => Promise.resolve(pve) };
}

interface Row {
  /** Each with arguments of its own: only its schema knows them. */
  readonly step: PipelineStep<never>;
  readonly args: Readonly<Record<string, unknown>>;
}

it('makes all entries with the token that the appliance has, and root makes those that no token may', async () => {
  const { world, shell, open, fingerprint } = await site();
  world.members.get('pve1')?.guests.add(100);
  await shell.must(['pvesh', 'create', '/cluster/ha/resources', '--sid', 'vm:100']);
  const pve = open('pve1', fingerprint('pve1'));
  const rows: readonly Row[] = [
    { step: storage, args: { storage: 'data', type: 'zfspool', content: ['images', 'rootdir'], options: { pool: 'data', sparse: true } } },
    { step: storage, args: { storage: 'isos', type: 'nfs', content: ['iso'], options: { server: '192.0.2.60', export: '/isos' } } },
    { step: haRule, args: { rule: 'fast', resources: ['vm:100'], nodes: ['pve1:2'] } },
    { step: backupJob, args: { id: 'nightly', schedule: 'sat 02:30', storage: 'local', prune: 'keep-daily=7,keep-weekly=4' } },
    { step: metricServer, args: { id: 'graphs', type: 'graphite', server: '192.0.2.70', port: 2003 } },
    { step: notificationTarget, args: { name: 'push', type: 'gotify', server: 'https://push.example', secret: 'gotify' } },
    { step: notificationMatcher, args: { name: 'errors', target: ['push'], severity: ['error', 'warning'] } },
    { step: pveRole, args: { role: 'Looks', privileges: ['VM.Audit'] } },
    { step: pveUser, args: { user: 'olga@pve', comment: 'Olga' } },
    { step: pveAcl, args: { path: '/vms', role: 'Looks', user: 'olga@pve' } },
  ];
  for (const { step, args } of rows) {
    const context = contextOf(step, args, shell, pve);
    expect(await step.check(context), step.name).toMatchObject({ is: 'needed' });
    await step.apply(context);
    expect(await step.check(context), step.name).toMatchObject({ is: 'satisfied' });
  }
});

it('finds another certificate after a join, sends nothing to it, and is opened anew with the one that the cluster names', async () => {
  const { world, open, fingerprint } = await site();
  const before = fingerprint('pve2');
  const old = open('pve2', before);
  await shellOn(world, 'pve2').must(['pvecm', 'add', '192.0.2.11', '--use_ssh']);
  const args = { storage: 'isos', type: 'nfs', options: { server: '192.0.2.60', export: '/isos' } };
  const shell = shellOn(world, 'pve2');
  await expect(storage.check(contextOf(storage, args, shell, old))).rejects.toMatchObject({ code: 'proxmox.not_trusted' });
  expect(fingerprint('pve2')).not.toBe(before);
  const context = contextOf(storage, args, shell, open('pve2', fingerprint('pve2')));
  await storage.apply(context);
  expect(await storage.check(context)).toMatchObject({ is: 'satisfied' });
  expect(world.members.get('pve1')?.etc.storage.has('isos')).toBe(true);
});
