// Repositories of packages, as PVE::API2::APT shows them: files, what stands in them, and the standard ones by their handles.

import { createHash } from 'node:crypto';
import { died } from '../errors.ts';
import type { Release } from '../schema/index.ts';
import { startTask } from '../tasks.ts';
import type { Member, SimRepository } from '../world.ts';
import { type Call, isYes, type Methods } from './call.ts';

const APT_MS = 2000;

interface Standard {
  readonly handle: string;
  readonly name: string;
  readonly uri: string;
  readonly component: string;
  /** Without what a release adds. */
  readonly file: string;
}

function standardsOf(release: Release): readonly Standard[] {
  const pve = (handle: string, host: string, file: string): Standard => ({
    handle,
    name: handle,
    uri: `${host}/debian/pve`,
    component: `pve-${handle}`,
    file,
  });
  const free = 'http://download.proxmox.com';
  const paid = 'https://enterprise.proxmox.com';
  const ceph = (release === '8.4' ? ['quincy', 'reef', 'squid'] : ['squid', 'tentacle']).flatMap((name) =>
    ['enterprise', 'no-subscription', 'test'].map((kind) => ({
      handle: `ceph-${name}-${kind}`,
      name: `ceph-${name}-${kind}`,
      uri: `${kind === 'enterprise' ? paid : free}/debian/ceph-${name}`,
      component: kind,
      file: 'ceph',
    })),
  );
  const own = release === '8.4' ? '' : 'proxmox';
  return [pve('enterprise', paid, 'pve-enterprise'), pve('no-subscription', free, own), pve('test', free, own), ...ceph];
}

const suiteOf = (release: Release): string => (release === '8.4' ? 'bookworm' : 'trixie');

function pathOf(release: Release, file: string): string {
  const end = release === '8.4' ? 'list' : 'sources';
  return file === '' ? '/etc/apt/sources.list' : `/etc/apt/sources.list.d/${file}.${end}`;
}

function repository(release: Release, { uri, component }: Pick<Standard, 'uri' | 'component'>): SimRepository {
  return { uri, component, suite: suiteOf(release), isEnabled: true };
}

/** As an installation leaves them: Debian's, and those for subscribers. */
function filesOf(member: Member, release: Release): Map<string, SimRepository[]> {
  if (member.apt.size > 0) return member.apt;
  const debian = { uri: 'http://deb.debian.org/debian', component: 'main' };
  member.apt.set(pathOf(release, release === '8.4' ? '' : 'debian'), [repository(release, debian)]);
  for (const standard of standardsOf(release))
    if (standard.handle === 'enterprise' || standard.handle === 'ceph-squid-enterprise')
      member.apt.set(pathOf(release, standard.file), [repository(release, standard)]);
  return member.apt;
}

const digestOf = (files: ReadonlyMap<string, unknown>): string =>
  createHash('sha256')
    .update(JSON.stringify([...files]))
    .digest('hex');

function list({ world: { release }, member }: Call): unknown {
  const files = filesOf(member, release);
  const type = (path: string): string => (path.endsWith('.sources') ? 'sources' : 'list');
  const all = [...files.values()].flat();
  return {
    digest: digestOf(files),
    errors: [],
    infos: [],
    files: [...files].map(([path, repositories]) => ({
      path,
      'file-type': type(path),
      digest: [1, 2, 3],
      repositories: repositories.map(({ uri, component, suite, isEnabled }) => ({
        Types: ['deb'],
        URIs: [uri],
        Suites: [suite],
        Components: [component],
        Enabled: isEnabled ? 1 : 0,
        FileType: type(path),
        Comment: '',
      })),
    })),
    'standard-repos': standardsOf(release).map(({ handle, name, uri, component }) => {
      const known = all.find((one) => one.uri === uri && one.component === component);
      return { handle, name, ...(known === undefined ? {} : { status: known.isEnabled ? 1 : 0 }) };
    }),
  };
}

function assertSame(call: Call): Map<string, SimRepository[]> {
  const files = filesOf(call.member, call.world.release);
  const { digest } = call.params;
  if (digest !== undefined && digest !== digestOf(files))
    throw died('detected modified configuration - file changed by other user? Try again.');
  return files;
}

function add(call: Call): void {
  const files = assertSame(call);
  const { release } = call.world;
  const standard = standardsOf(release).find(({ handle }) => handle === call.params.handle);
  if (standard === undefined) throw died(`unknown repository handle '${call.params.handle}'`);
  const path = pathOf(release, standard.file);
  const known = files.get(path) ?? [];
  const there = known.find(({ uri, component }) => uri === standard.uri && component === standard.component);
  if (there === undefined) files.set(path, [...known, repository(release, standard)]);
  else there.isEnabled = true;
}

function change(call: Call): void {
  const files = assertSame(call);
  const { path = '', index = '', enabled } = call.params;
  const repository = files.get(path)?.[Number(index)];
  if (repository === undefined) throw died(`invalid index '${index}' for file '${path}'`);
  if (enabled !== undefined) repository.isEnabled = isYes(enabled);
}

export const APT: Methods = {
  'GET /nodes/{node}/apt/repositories': list,
  'PUT /nodes/{node}/apt/repositories': add,
  'POST /nodes/{node}/apt/repositories': change,
  'GET /nodes/{node}/apt/update': () => [],
  'POST /nodes/{node}/apt/update': ({ world, member, user }) =>
    startTask(world, member, { type: 'aptupdate', user }, async ({ print, takes }) => {
      print('starting apt-get update');
      await takes(APT_MS);
      print('Reading package lists...');
    }).upid,
  'GET /nodes/{node}/apt/versions': ({ world: { release } }) =>
    [
      ['proxmox-ve', `${release}.0`],
      ['pve-manager', `${release}.1`],
      ['zfsutils-linux', release === '8.4' ? '2.2.7-pve2' : '2.3.4-pve1'],
    ].map(([Package, OldVersion]) => ({
      Package,
      Title: Package,
      OldVersion,
      Version: OldVersion,
      CurrentState: 'Installed',
      Origin: 'Proxmox',
    })),
};
