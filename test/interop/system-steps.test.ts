// Steps of the system on real Debians: what the real apt, dpkg, chronyd, sgdisk and C library make of what the steps write.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PipelineStep, StepContext } from '../../src/pipeline/index.ts';
import { step as repositories } from '../../src/pipeline/steps/apt-repositories.ts';
import { step as upgrade } from '../../src/pipeline/steps/apt-upgrade.ts';
import { step as ntp } from '../../src/pipeline/steps/ntp.ts';
import { step as packages } from '../../src/pipeline/steps/packages.ts';
import { step as timezone } from '../../src/pipeline/steps/timezone.ts';
import { COPY_TABLE, OWN_NUMBERS } from '../../src/pipeline/zfs/copy-table.ts';
import { type DebianTree, debianTree } from '../support/debian-tree.ts';
import { stepWorld } from '../support/pipeline.ts';

const LISTS = '/etc/apt/sources.list.d';
const MAKE_MS = 1_200_000;
const trees: DebianTree[] = [];

async function tree(suite: string, names: readonly string[]): Promise<DebianTree> {
  const made = await debianTree(suite, names);
  trees.push(made);
  // Fetching lists is the network's; everything else is the real one.
  await put(
    made,
    '/usr/local/bin/apt-get',
    '#!/bin/sh\nfor one; do [ "$one" != update ] || exit 0; done\nexec /usr/bin/apt-get "$@"\n',
    0o755,
  );
  return made;
}

async function put({ root }: DebianTree, path: string, text: string, mode = 0o644): Promise<void> {
  await writeFile(join(root, path), text, { mode });
}

function contextOn<Args>({ shell }: DebianTree, step: PipelineStep<Args>, args: Readonly<Record<string, unknown>>): StepContext<Args> {
  return { ...stepWorld().context(step, args), shell };
}

async function applied<Args>(on: DebianTree, step: PipelineStep<Args>, args: Readonly<Record<string, unknown>>): Promise<void> {
  expect(await step.check(contextOn(on, step, args))).toMatchObject({ is: 'needed' });
  await step.apply(contextOn(on, step, args));
  expect(await step.check(contextOn(on, step, args))).toMatchObject({ is: 'satisfied' });
}

/** As apt itself reads its files: what it would ask for, repository and suite. */
async function inForce({ shell }: DebianTree): Promise<string[]> {
  const out = await shell.must(['/usr/bin/apt-get', 'update', '--print-uris']);
  return [...new Set([...out.matchAll(/^'(https?:\/\/[a-z]+\.proxmox\.com\/.*)\/InRelease'/gm)].map(([, uri = '']) => uri))].toSorted();
}

let nine: DebianTree;
let eight: DebianTree;

beforeAll(async () => {
  nine = await tree('trixie', ['chrony', 'fdisk', 'gdisk', 'ifupdown2', 'iproute2', 'mawk', 'tzdata']);
  eight = await tree('bookworm', ['tzdata']);
}, MAKE_MS);

afterAll(async () => {
  for (const one of trees.splice(0)) await one.close();
});

describe('what apt makes of the repositories', () => {
  it('is the free ones on Debian 13, in deb822', async () => {
    const stanza = (uri: string, component: string): string =>
      `Types: deb\nURIs: ${uri}\nSuites: trixie\nComponents: ${component}\nSigned-By: /usr/share/keyrings/proxmox-archive-keyring.gpg\n`;
    await put(nine, `${LISTS}/pve-enterprise.sources`, stanza('https://enterprise.proxmox.com/debian/pve', 'pve-enterprise'));
    await put(nine, `${LISTS}/ceph.sources`, stanza('https://enterprise.proxmox.com/debian/ceph-squid', 'enterprise'));
    expect(await inForce(nine)).toHaveLength(2);
    await applied(nine, repositories, {});
    expect(await inForce(nine)).toEqual([
      'http://download.proxmox.com/debian/ceph-squid/dists/trixie',
      'http://download.proxmox.com/debian/pve/dists/trixie',
    ]);
    await applied(nine, repositories, { pve: 'enterprise', ceph: 'none' });
    expect(await inForce(nine)).toEqual(['https://enterprise.proxmox.com/debian/pve/dists/trixie']);
  });

  it('is the free ones on Debian 12, in lines', async () => {
    await put(eight, `${LISTS}/pve-enterprise.list`, 'deb https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise\n');
    await applied(eight, repositories, { ceph: 'test', ceph_release: 'reef' });
    expect(await inForce(eight)).toEqual([
      'http://download.proxmox.com/debian/ceph-reef/dists/bookworm',
      'http://download.proxmox.com/debian/pve/dists/bookworm',
    ]);
  });

  it('goes by way of the proxy that it was told of', async () => {
    const proxy = async (): Promise<string> => (await nine.shell.must(['apt-config', 'dump', 'Acquire::http::Proxy'])).trim();
    await applied(nine, repositories, { pve: 'enterprise', ceph: 'none', proxy: 'http://10.0.0.1:3142' });
    expect(await proxy()).toBe('Acquire::http::Proxy "http://10.0.0.1:3142";');
    await applied(nine, repositories, { pve: 'enterprise', ceph: 'none' });
    expect(await proxy()).toBe('');
  });
});

describe('what apt and dpkg say', () => {
  it('is read: nothing to upgrade, what is there and what is not', async () => {
    expect(await upgrade.check(contextOn(nine, upgrade, {}))).toMatchObject({ is: 'satisfied' });
    expect(await packages.check(contextOn(nine, packages, { install: ['tzdata', 'gdisk'] }))).toMatchObject({ is: 'satisfied' });
    expect(await packages.check(contextOn(nine, packages, { install: ['tzdata', 'jq'] }))).toEqual({ is: 'needed', plan: ['installs jq'] });
  });

  it('when a package is unknown is an error with what apt said, and dpkg is well', async () => {
    const wanted = contextOn(nine, packages, { install: ['no-such-package'] });
    await expect(packages.apply(wanted)).rejects.toThrow('no-such-package');
    expect((await nine.shell.run(['dpkg', '--audit'])).out).toBe('');
  });
});

describe('the time', () => {
  it.each([() => nine, () => eight])('is in the zone asked for', async (on) => {
    await applied(on(), timezone, { zone: 'Asia/Kolkata' });
    expect((await on().shell.must(['date', '+%Z'])).trim()).toBe('IST');
    expect(await timezone.check(contextOn(on(), timezone, { zone: 'Europe/Atlantis' }))).toMatchObject({ is: 'impossible' });
  });

  it('comes from the servers that chronyd reads', async () => {
    await put(nine, '/usr/local/bin/systemctl', '#!/bin/sh\nexit 0\n', 0o755);
    await ntp.apply(contextOn(nine, ntp, { servers: ['10.0.0.1'], wait_seconds: 0 }));
    expect(await readFile(join(nine.root, '/etc/chrony/chrony.conf'), 'utf8')).not.toMatch(/^pool/m);
    const read = await nine.shell.must(['chronyd', '-p', '-f', '/etc/chrony/chrony.conf']);
    expect(read).toContain('sourcedir /etc/chrony/sources.d');
    expect(read).not.toMatch(/^(?:pool|server) /m);
    expect((await nine.shell.must(['chronyd', '-p', '-f', '/etc/chrony/sources.d/rackseed.sources'])).trim()).toContain(
      'server 10.0.0.1 iburst',
    );
  });
});

describe('the partition table of one disk', () => {
  const made = async (name: string): Promise<string> => {
    const path = `/root/${name}`;
    await nine.shell.must(['truncate', '-s', '64M', path]);
    return path;
  };
  const dump = async (path: string): Promise<string[]> =>
    (await nine.shell.must(['sfdisk', '--dump', path]))
      .split('\n')
      .flatMap((line) => /start=.*size=[ \d]+, type=[^,]+/.exec(line)?.[0] ?? []);

  it('is copied from the first to the second and not the other way, with numbers of its own', async () => {
    const [from, to] = [await made('from'), await made('to')];
    await nine.shell.must(['sgdisk', '-a1', '-n1:34:2047', '-t1:EF02', '-n2:2048:+16M', '-t2:EF00', '-n3:0:0', '-t3:BF01', from]);
    const before = await nine.shell.must(['sfdisk', '--dump', from]);
    const ran = await nine.shell.script(COPY_TABLE, [from, to, '/var/lib/rackseed/zfs/from.gpt']);
    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(await nine.shell.must(['sfdisk', '--dump', from])).toBe(before);
    expect(await dump(to)).toEqual(await dump(from));
    const idOf = async (path: string): Promise<string> => (await nine.shell.must(['sfdisk', '--disk-id', path])).trim();
    expect(await idOf(to)).toBe(await idOf(from));
    expect(await nine.shell.script(OWN_NUMBERS, [to])).toMatchObject({ code: 0, err: '' });
    expect(await idOf(to)).not.toBe(await idOf(from));
    expect(await dump(to)).toEqual(await dump(from));
    const again = await nine.shell.script(COPY_TABLE, [from, to, '/var/lib/rackseed/zfs/from.gpt']);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('is not empty any more') as unknown });
  });

  it('is not copied onto one that something is on', async () => {
    const [from, to] = [await made('from2'), await made('to2')];
    await nine.shell.must(['sgdisk', '-n1:0:0', from]);
    await nine.shell.must(['mkswap', to]);
    expect((await nine.shell.script(COPY_TABLE, [from, to, '/root/kept'])).code).toBe(1);
    expect(await nine.shell.must(['wipefs', '--noheadings', '--output', 'TYPE', to])).toBe('swap\n');
  });
});
