// Entries of Proxmox VE's configuration, against the stand-in, with its schema and by the calls that the product knows.

import { describe, expect, it } from 'vitest';
import type { PipelineStep } from '../../../../src/pipeline/index.ts';
import { step as backupJob } from '../../../../src/pipeline/steps/backup-job.ts';
import { step as haGroup } from '../../../../src/pipeline/steps/ha-group.ts';
import { step as haRule } from '../../../../src/pipeline/steps/ha-rule.ts';
import { step as metricServer } from '../../../../src/pipeline/steps/metric-server.ts';
import { step as notificationMatcher } from '../../../../src/pipeline/steps/notification-matcher.ts';
import { step as notificationTarget } from '../../../../src/pipeline/steps/notification-target.ts';
import { step as pveAcl } from '../../../../src/pipeline/steps/pve-acl.ts';
import { step as pveRole } from '../../../../src/pipeline/steps/pve-role.ts';
import { step as pveUser } from '../../../../src/pipeline/steps/pve-user.ts';
import { step as sshKeys } from '../../../../src/pipeline/steps/ssh-keys.ts';
import { step as storage } from '../../../../src/pipeline/steps/storage.ts';
import { step as subscription } from '../../../../src/pipeline/steps/subscription.ts';
import type { Release } from '../../../sim/pve/schema/index.ts';
import { containing } from '../../../support/containing.ts';
import { provesIdempotence } from '../../../support/pipeline.ts';
import { type ClusterWorld, clusterWorld, type OnOptions } from './cluster-world.ts';

type Args = Readonly<Record<string, unknown>>;

/** Each step with arguments of its own: only their schema knows them. */
// biome-ignore format: a table
interface Row { readonly step: PipelineStep<never>; readonly args: Args; readonly changed: Args; readonly release?: Release; readonly before?: (world: ClusterWorld) => Promise<unknown> }

const SECRETS = { pbs: 'hunter22', gotify: 'hunter33', key: 'pve2c-0123456789' };
const MORE: OnOptions = { secrets: SECRETS };

async function guest(world: ClusterWorld): Promise<unknown> {
  world.member('pve1').guests.add(100);
  return world.run('pve1', 'pvesh', 'create', '/cluster/ha/resources', '--sid', 'vm:100');
}

/** The stand-in has its built-in ones from the first look on. */
async function looked(world: ClusterWorld): Promise<unknown> {
  await world.run('pve1', 'pvesh', 'get', '/cluster/notifications/endpoints/sendmail', '--output-format', 'json');
  return world.run('pve1', 'pvesh', 'get', '/cluster/notifications/matchers', '--output-format', 'json');
}

const ROWS: readonly Row[] = [
  {
    step: storage,
    args: { storage: 'data', type: 'zfspool', content: ['images', 'rootdir'], options: { pool: 'data', sparse: true } },
    changed: { storage: 'data', type: 'zfspool', content: ['images'], options: { pool: 'data', sparse: false } },
  },
  {
    step: storage,
    args: { storage: 'pbs', type: 'pbs', options: { server: '192.0.2.50', datastore: 'main', username: 'b@pbs' }, password_secret: 'pbs' },
    changed: {
      storage: 'pbs',
      type: 'pbs',
      options: { server: '192.0.2.51', datastore: 'main', username: 'b@pbs' },
      password_secret: 'pbs',
    },
  },
  {
    step: storage,
    args: { storage: 'isos', type: 'nfs', content: ['iso'], options: { server: '192.0.2.60', export: '/isos' } },
    changed: { storage: 'isos', type: 'nfs', content: ['iso', 'vztmpl'], options: { server: '192.0.2.60', export: '/isos' } },
  },
  {
    step: haRule,
    args: { rule: 'fast', resources: ['vm:100'], nodes: ['pve1:2', 'pve2'] },
    changed: { rule: 'fast', resources: ['vm:100'], nodes: ['pve2'], strict: true },
    before: guest,
  },
  {
    step: haGroup,
    args: { group: 'fast', nodes: ['pve1:2', 'pve2'] },
    changed: { group: 'fast', nodes: ['pve1'], restricted: true },
    release: '8.4',
  },
  {
    step: backupJob,
    args: { id: 'nightly', schedule: 'sat 02:30', storage: 'local', prune: 'keep-daily=7,keep-weekly=4', options: { compress: 'zstd' } },
    changed: { id: 'nightly', schedule: '03:00', storage: 'local', prune: 'keep-daily=7', options: { compress: 'zstd' } },
  },
  {
    step: metricServer,
    args: { id: 'graphs', type: 'graphite', server: '192.0.2.70', port: 2003 },
    changed: { id: 'graphs', type: 'graphite', server: '192.0.2.70', port: 2004 },
  },
  {
    step: notificationTarget,
    args: { name: 'push', type: 'gotify', server: 'https://push.example', secret: 'gotify' },
    changed: { name: 'push', type: 'gotify', server: 'https://push2.example', secret: 'gotify' },
  },
  {
    step: notificationTarget,
    args: { name: 'mail', type: 'sendmail', mailto: ['olga@example.org'] },
    changed: { name: 'mail', type: 'sendmail', mailto: ['olga@example.org', 'ivo@example.org'] },
    before: looked,
  },
  {
    step: notificationMatcher,
    args: { name: 'errors', target: ['mail-to-root'], severity: ['error'] },
    changed: { name: 'errors', target: ['mail-to-root'], severity: ['error', 'warning'] },
    before: looked,
  },
  { step: pveRole, args: { role: 'Looks', privileges: ['VM.Audit', 'Sys.Audit'] }, changed: { role: 'Looks', privileges: ['VM.Audit'] } },
  { step: pveUser, args: { user: 'olga@pve', comment: 'Olga' }, changed: { user: 'olga@pve', comment: 'Olga B.' } },
  {
    step: pveAcl,
    args: { path: '/vms', role: 'PVEAuditor', user: 'ivo@pve' },
    changed: { path: '/vms', role: 'PVEAuditor', user: 'ivo@pve', propagate: false },
    before: (world) => world.run('pve1', 'pvesh', 'create', '/access/users', '--userid', 'ivo@pve'),
  },
];

async function prepared({ release, before }: Row): Promise<ClusterWorld> {
  const world = await clusterWorld(3, 3, release ?? '9.1');
  for (const name of ['pve1', 'pve2']) world.disk(name).pools.add('data');
  const ran = await before?.(world);
  if (ran !== undefined) expect(ran).toMatchObject({ code: 0 });
  return world;
}

describe.each(ROWS.map((row) => ({ name: row.step.name, row })))('$name', ({ row }) => {
  const { step, args, changed } = row;

  it('is made, and may be cut off anywhere', async () => {
    const worlds: ClusterWorld[] = [];
    for (let made = 0; made < 15; made += 1) worlds.push(await prepared(row));
    const proof = await provesIdempotence(step, args, () => {
      const world = worlds.shift();
      if (world === undefined) throw new Error('more worlds are needed');
      return world.on('pve1', MORE);
    });
    expect(proof.first).toMatchObject({ is: 'needed' });
    for (const secret of Object.values(SECRETS)) expect(JSON.stringify(proof.first)).not.toContain(secret);
  });

  it('is changed where it differs, and then is as it shall be', async () => {
    const world = await prepared(row);
    const on = world.on('pve1', MORE);
    await world.clock.until(step.apply(on.context(step, args)));
    const verdict = await world.clock.until(step.check(on.context(step, changed)));
    expect(verdict).toMatchObject({ is: 'needed' });
    expect(JSON.stringify(verdict)).toContain(' becomes ');
    await world.clock.until(step.apply(on.context(step, changed)));
    expect(await world.clock.until(step.check(on.context(step, changed)))).toMatchObject({ is: 'satisfied' });
    // Another member sees the same.
    const other = step.name === 'storage' ? 'pve1' : 'pve2';
    expect(await world.clock.until(step.check(world.on(other, MORE).context(step, changed)))).toMatchObject({ is: 'satisfied' });
  });
});

describe('a storage that lies on each machine', () => {
  const args = { storage: 'data', type: 'zfspool', options: { pool: 'data' } };

  it('gets one machine after another among its nodes', async () => {
    const world = await prepared(ROWS[0] ?? never());
    for (const name of ['pve1', 'pve2']) {
      const on = world.on(name);
      await world.clock.until(storage.apply(on.context(storage, args)));
    }
    expect(world.member('pve3').etc.storage.get('data')).toMatchObject({ nodes: 'pve1,pve2' });
    expect(await world.clock.until(storage.check(world.on('pve1').context(storage, args)))).toMatchObject({ is: 'satisfied' });
    const third = await world.clock.until(storage.check(world.on('pve3').context(storage, args)));
    expect(third).toMatchObject({ is: 'impossible', reason: 'pve3 has no ZFS pool or dataset data' });
  });

  it('is not made over one of another kind', async () => {
    const world = await prepared(ROWS[0] ?? never());
    await world.run('pve1', 'pvesh', 'create', '/storage', '--storage', 'data', '--type', 'dir', '--path', '/data');
    expect(await world.clock.until(storage.check(world.on('pve1').context(storage, args)))).toMatchObject({
      is: 'impossible',
      reason: containing('type dir instead of zfspool'),
    });
  });

  it('with a secret that nobody knows is refused with its name', async () => {
    const world = await prepared(ROWS[1] ?? never());
    const verdict = await world.clock.until(storage.check(world.on('pve1').context(storage, ROWS[1]?.args ?? {})));
    expect(verdict).toMatchObject({ is: 'impossible', reason: 'no secret called pbs is known' });
  });
});

it.each([
  [haRule, { rule: 'fast', resources: ['vm:100'], nodes: ['pve1'] }, '8.4', 'ha-group'],
  [haGroup, { group: 'fast', nodes: ['pve1'] }, '9.1', 'ha-rule'],
] as const)('%o is for its own release', async (step: PipelineStep<never>, args, release, instead) => {
  const world = await clusterWorld(1, 1, release);
  expect(await world.clock.until(step.check(world.on('pve1').context(step, args)))).toMatchObject({
    is: 'impossible',
    hint: containing(instead),
  });
});

describe('keys of root', () => {
  const args = { keys: ['ssh-ed25519 AAAAolga olga@desk', 'from="192.0.2.5" ssh-rsa AAAAivo ivo'] };

  it('are added to those that are there, once, wherever it is cut off', async () => {
    const worlds: ClusterWorld[] = [];
    for (let made = 0; made < 10; made += 1) worlds.push(await clusterWorld(2, 2));
    const proof = await provesIdempotence(sshKeys, args, () => worlds.shift()?.on('pve2') ?? never());
    expect(proof.first).toEqual({
      is: 'needed',
      plan: ['adds ssh-ed25519 olga@desk to /root/.ssh/authorized_keys', 'adds ssh-rsa ivo to /root/.ssh/authorized_keys'],
    });
  });
});

describe('a subscription key', () => {
  it('is set, and is then there', async () => {
    const worlds: ClusterWorld[] = [];
    for (let made = 0; made < 10; made += 1) worlds.push(await clusterWorld(1, 1));
    await provesIdempotence(subscription, { key_secret: 'key' }, () => worlds.shift()?.on('pve1', MORE) ?? never());
  });
});

function never(): never {
  throw new Error('there is none');
}
