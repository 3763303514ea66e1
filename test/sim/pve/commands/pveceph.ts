// pveceph and ceph on a member: what the API does, and what only a shell has: the packages, and Ceph's own words.

import { callApi } from '../api.ts';
import { healthOf, isUp, statusOf, treeOf } from '../ceph.ts';
import { ApiError, died } from '../errors.ts';
import { FLAGS, livingCeph } from '../methods/ceph.ts';
import type { Member, World } from '../world.ts';
import { done, failed, type SimRan, split, type Words } from './words.ts';

const RELEASES: Readonly<Record<string, readonly string[]>> = { '8.4': ['quincy', 'reef', 'squid'], '9.1': ['squid', 'tentacle'] };
const INSTALL_MS = 30_000;
const VERSIONS: Readonly<Record<string, string>> = { quincy: '17.2.8', reef: '18.2.7', squid: '19.2.3', tentacle: '20.2.0' };

interface Run extends Words {
  readonly world: World;
  readonly member: Member;
}

export async function pveceph(world: World, member: Member, argv: readonly string[]): Promise<SimRan> {
  const { plain, options } = split(argv, ['allow-experimental', 'add_storages', 'add-storage', 'cleanup', 'encrypted']);
  const code = COMMANDS[plain.slice(0, 2).join(' ')] ?? COMMANDS[plain[0] ?? ''];
  if (code === undefined) return failed(`ERROR: unknown command 'pveceph ${plain.join(' ')}'`);
  try {
    return await code({ world, member, plain, options });
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    const wrongs = Object.entries(thrown.errors ?? {}).map(([name, why]) => `${name}: ${why}`);
    return failed([wrongs.length > 0 ? `400 ${thrown.message}` : thrown.message, ...wrongs].join('\n'));
  }
}

/** apt-get asks whether to go on: without an answer, and without being told to assume one, nothing is installed. */
async function install({ world, member, options }: Run): Promise<SimRan> {
  const known = RELEASES[world.release] ?? [];
  const { version = known.at(-1) ?? '', repository = 'enterprise' } = options;
  if (!known.includes(version))
    return failed(
      `400 Parameter verification failed.\nversion: value '${version}' does not have a value in the enumeration '${known.join(', ')}'`,
    );
  if (!['enterprise', 'no-subscription', 'test', 'manual'].includes(repository))
    return failed('400 Parameter verification failed.\nrepository: value does not have a value in the enumeration');
  if (repository === 'enterprise' && member.settings.get('subscription key') === undefined)
    return failed(
      'E: The repository is not signed.\napt update failed - check that the Ceph repository is accessible',
      'update available package list\n',
    );
  await world.clock.sleep(INSTALL_MS);
  member.ceph = version;
  return done(`update available package list\nstart installation\n\ninstalled ceph ${version} successfully!\n`);
}

/** A call of the API as root; what it begins is waited for. */
async function called(run: Run, verb: string, path: string, params: Readonly<Record<string, string>>): Promise<SimRan> {
  const { world, member } = run;
  const answer = await callApi(world, member, { user: 'root@pam' }, { verb, path: `/nodes/${member.name}/ceph/${path}`, params });
  const task = typeof answer === 'string' ? member.tasks.get(answer) : undefined;
  if (task === undefined) return done('');
  await task.ended;
  const log = task.lines.slice(0, -1).map((line) => `${line}\n`);
  return task.exitstatus === 'OK' ? done(log.join('')) : failed(task.exitstatus ?? '', log.join(''));
}

const daemon =
  (verb: string, kind: string, key: string) =>
  (run: Run): Promise<SimRan> => {
    const { [key]: id = run.plain[2] ?? run.member.name, ...params } = run.options;
    return called(run, verb, `${kind}/${id}`, params);
  };

const COMMANDS: Readonly<Record<string, (run: Run) => Promise<SimRan>>> = {
  install,
  init: (run) => called(run, 'POST', 'init', run.options),
  'mon create': daemon('POST', 'mon', 'monid'),
  'mon destroy': daemon('DELETE', 'mon', 'monid'),
  'mgr create': daemon('POST', 'mgr', 'id'),
  'mgr destroy': daemon('DELETE', 'mgr', 'id'),
  'mds create': daemon('POST', 'mds', 'name'),
  'mds destroy': daemon('DELETE', 'mds', 'name'),
  'osd create': (run) => called(run, 'POST', 'osd', { dev: run.plain[2] ?? '', ...run.options }),
  'osd destroy': (run) => called(run, 'DELETE', `osd/${run.plain[2] ?? ''}`, run.options),
  'pool create': (run) => called(run, 'POST', 'pool', { name: run.plain[2] ?? '', ...run.options }),
  'fs create': ({ options: { name = 'cephfs', ...options }, ...run }) => called({ ...run, options }, 'POST', `fs/${name}`, options),
  stop: (run) => called(run, 'POST', 'stop', run.options),
  start: (run) => called(run, 'POST', 'start', run.options),
};

/** Questions only as JSON. Without monitors it hangs until it is told to stop: here it says so at once. */
export function ceph(world: World, member: Member, argv: readonly string[]): SimRan {
  const { plain, options } = split(argv, []);
  if (member.ceph === null) return { code: 127, out: '', err: 'sh: 1: ceph: not found\n' };
  if (plain[0] === '-v' || options.v !== undefined || plain[0] === 'version')
    return done(`ceph version ${VERSIONS[member.ceph]} (sim) ${member.ceph} (stable)\n`);
  try {
    return answered(world, member, plain, options);
  } catch (thrown) {
    if (thrown instanceof ApiError) return { code: 1, out: '', err: `Error ETIMEDOUT: ${thrown.message}\n` };
    throw thrown;
  }
}

function answered(world: World, member: Member, plain: readonly string[], options: Readonly<Record<string, string>>): SimRan {
  const state = livingCeph({ world, member });
  const json = (value: unknown): SimRan =>
    options.format === 'json' || options.f === 'json'
      ? done(`${JSON.stringify(value)}\n`)
      : failed('the simulator answers with --format json');
  const [first = '', second = '', third = ''] = plain;
  const osds = [...state.osds.values()];
  switch (`${first} ${second}`.trim()) {
    case 'status':
      return json(statusOf(world, state));
    case 'health':
      return json(healthOf(world, state));
    case 'fsid':
      return json({ fsid: state.fsid });
    case 'osd tree':
      return json({ nodes: treeOf(world, state), stray: [] });
    case 'osd dump':
      return json({
        fsid: state.fsid,
        flags_set: [...state.flags],
        osds: osds.map((osd) => ({ osd: osd.id, uuid: osd.uuid, up: isUp(world, osd) ? 1 : 0, in: osd.isIn ? 1 : 0 })),
        pools: [...state.pools].map(([pool_name, { id, size, minSize }]) => ({ pool: id, pool_name, size, min_size: minSize })),
      });
    case 'osd metadata':
      return json(osds.map(({ id, host, serial }) => ({ id, hostname: host, device_ids: `sd=${serial}` })));
    case 'osd set':
    case 'osd unset':
      if (!FLAGS.includes(third)) throw died(`EINVAL: invalid command: ${third}`);
      if (second === 'set') state.flags.add(third);
      else state.flags.delete(third);
      return { code: 0, out: '', err: `${third} is ${second}\n` };
    default:
      return failed(`no valid command found: ${plain.join(' ')}`);
  }
}
