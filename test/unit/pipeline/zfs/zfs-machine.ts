// A machine with disks and pools for tests of steps: it answers as lsblk, wipefs, sgdisk, zpool, zfs, zdb, blkid and proxmox-boot-tool do, and
// keeps what they do to it. `zpool status` in both forms.

import { type FakeMachine, type Rule, type StepWorld, stepWorld, type WorldOptions } from '../../../support/pipeline.ts';

export interface DiskState {
  path: string;
  serial: string | null;
  bytes: number;
  sector: number;
  tran: string;
  table: string | null;
  content: string | null;
  parts: { number: number; content: string | null; uuid: string }[];
}

export interface VdevState {
  kind: string;
  members: { path: string; state: string }[];
}

export interface PoolState {
  vdevs: VdevState[];
  guid: string;
  imported: boolean;
  /** Who had it last, where it is not imported. */
  hostname: string;
  autotrim: boolean;
  scan: { what: string; state: string; issued: number; errors: number; end: number } | null;
  property: string;
}

export interface ZfsState {
  disks: DiskState[];
  pools: Record<string, PoolState>;
  /** Kept by proxmox-boot-tool. */
  loader: string;
  /** zpool knows -j. */
  isNew: boolean;
  weekly: boolean;
  arcMax: string;
  pending: boolean;
  initramfs: string;
  nextUuid: number;
  [key: string]: unknown;
}

export function disk(serial: string, more: Partial<DiskState> = {}): DiskState {
  const path = `/dev/sd${serial.toLowerCase().at(-1) ?? 'x'}`;
  return { path, serial, bytes: 480e9, sector: 512, tran: 'sata', table: null, content: null, parts: [], ...more };
}

export function idOf({ serial }: Pick<DiskState, 'serial'>): string {
  return `/dev/disk/by-id/ata-SSD_${serial ?? ''}`;
}

export function pool(vdevs: VdevState[], more: Partial<PoolState> = {}): PoolState {
  return { vdevs, guid: '1234567890123456789', imported: true, hostname: 'pve1', autotrim: false, scan: null, property: '-', ...more };
}

/** As the installer leaves it: BIOS boot, EFI, ZFS. */
export function systemDisk(serial: string): DiskState {
  const parts = [
    { number: 1, content: null, uuid: '' },
    { number: 2, content: 'vfat', uuid: 'D91B-B982' },
    { number: 3, content: 'zfs_member', uuid: '' },
  ];
  return disk(serial, { table: 'gpt', parts });
}

export function online(...paths: string[]): VdevState['members'] {
  return paths.map((path) => ({ path, state: 'ONLINE' }));
}

export function zfsWorld(
  state: Partial<ZfsState>,
  options: Omit<WorldOptions, 'machine'> & { readonly files?: Record<string, string> } = {},
): StepWorld {
  const { files, ...rest } = options;
  const whole: ZfsState = {
    disks: [],
    pools: {},
    loader: 'uefi',
    isNew: true,
    weekly: false,
    arcMax: '0',
    pending: false,
    initramfs: '',
    nextUuid: 1,
    ...state,
  };
  return stepWorld({ ...rest, machine: { state: structuredClone(whole), files: files ?? {}, rules: RULES } });
}

type Act = (
  words: readonly string[],
  state: ZfsState,
  machine: FakeMachine,
) => ReturnType<Extract<Rule['answer'], (...all: never[]) => unknown>>;

const FAILED = (err: string, code = 1) => ({ code, err: `${err}\n` });

function rule(when: Rule['when'], act: Act): Rule {
  return { when, answer: (words, machine) => act(words, machine.state as ZfsState, machine) }; // zfsWorld made it
}

function partOf(state: ZfsState, path: string) {
  const owner = state.disks.find((one) => path.startsWith(idOf(one)) || path.startsWith(one.path));
  const number = Number(/(\d+)$/.exec(path.replace(owner === undefined ? '' : idOf(owner), '').replace(owner?.path ?? '', ''))?.[1] ?? 0);
  return { disk: owner, part: owner?.parts.find((one) => one.number === number) };
}

function vdevJson(name: string, { kind, members }: VdevState): Record<string, unknown> {
  const leaves = Object.fromEntries(
    members.map(({ path, state }) => [
      path.replace(/^.*\//, ''),
      { name: path.replace(/^.*\//, ''), vdev_type: 'disk', guid: '1', path, class: 'normal', state },
    ]),
  );
  return kind === 'disk'
    ? leaves
    : { [name]: { name, vdev_type: kind.replace(/\d$/, ''), guid: '2', class: 'normal', state: 'ONLINE', vdevs: leaves } };
}

function stateOf({ vdevs }: PoolState): string {
  return vdevs.every(({ members }) => members.every(({ state }) => state === 'ONLINE')) ? 'ONLINE' : 'DEGRADED';
}

function statusJson(name: string, one: PoolState): string {
  const { scan } = one;
  const vdevs = Object.assign({}, ...one.vdevs.map((vdev, at) => vdevJson(`${vdev.kind}-${at}`, vdev))) as Record<string, unknown>; // of records
  const stats = scan && {
    function: scan.what,
    state: scan.state,
    to_examine: '1000',
    issued: String(scan.issued),
    errors: String(scan.errors),
    end_time: String(scan.end),
  };
  const root = { name, vdev_type: 'root', guid: one.guid, class: 'normal', state: stateOf(one), vdevs };
  return JSON.stringify({
    output_version: { command: 'zpool status', vers_major: 0, vers_minor: 1 },
    pools: {
      [name]: {
        name,
        state: stateOf(one),
        pool_guid: one.guid,
        ...(stats === null ? {} : { scan_stats: stats }),
        vdevs: { [name]: root },
        error_count: '0',
      },
    },
  });
}

export function statusText(name: string, one: PoolState): string {
  const { scan } = one;
  const words =
    scan === null
      ? ''
      : scan.state === 'SCANNING'
        ? `  scan: ${scan.what.toLowerCase()} in progress since Sun Nov 22 03:00:00 2026\n\t1.0G / 1.0G scanned, 0.5G / 1.0G issued at 100M/s\n\t0B repaired, ${scan.issued / 10}% done, 00:00:05 to go\n`
        : scan.what === 'SCRUB'
          ? `  scan: scrub repaired 0B in 00:00:10 with ${scan.errors} errors on ${new Date(scan.end * 1000).toUTCString().replace(/(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT/, '$1 $3 $2 $5 $4')}\n`
          : `  scan: resilvered 1.00G in 00:00:10 with ${scan.errors} errors on Sun Nov 22 03:10:00 2026\n`;
  const rows = one.vdevs.flatMap(({ kind, members }, at) => {
    const indent = kind === 'disk' ? '  ' : '    ';
    return [
      ...(kind === 'disk' ? [] : [`\t  ${kind}-${at}  ONLINE  0 0 0`]),
      ...members.map(({ path, state }) => `\t${indent}${path}  ${state}  0 0 0`),
    ];
  });
  return `  pool: ${name}\n state: ${stateOf(one)}\n${words}config:\n\n\tNAME  STATE  READ WRITE CKSUM\n\t${name}  ${stateOf(one)}  0 0 0\n${rows.join('\n')}\n\nerrors: No known data errors\n`;
}

/** A scan is kept as it ends; so often it is still seen running. Not of the picture: it goes by itself. */
const seenRunning = new WeakMap<object, number>();

function begin(one: PoolState | undefined, what: string, errors: number): void {
  if (one === undefined) return;
  one.scan = { what, state: 'FINISHED', issued: 1000, errors, end: 1_700_000_000 };
  seenRunning.set(one.scan, 2);
}

function asSeen(one: PoolState): PoolState {
  const left = (one.scan && seenRunning.get(one.scan)) ?? 0;
  if (one.scan === null || left === 0) return one;
  seenRunning.set(one.scan, left - 1);
  return { ...one, scan: { ...one.scan, state: 'SCANNING', issued: 1000 - left * 400 } };
}

const runs = (title: string) => (command: readonly string[]) => command[0] === 'sh' && command[2]?.startsWith(`# ${title}`) === true;

const RULES: readonly Rule[] = [
  rule(['lsblk'], (_, { disks }) =>
    JSON.stringify({
      blockdevices: disks.map(({ path, serial, bytes, sector, tran, table, content, parts }) => ({
        path,
        type: 'disk',
        size: bytes,
        serial,
        wwn: null,
        model: 'SSD',
        tran,
        rota: false,
        rm: false,
        'log-sec': sector,
        pttype: table,
        fstype: content,
        mountpoints: [null],
        ...(parts.length === 0
          ? {}
          : {
              children: parts.map((part) => ({ path: `${path}${part.number}`, type: 'part', fstype: part.content, mountpoints: [null] })),
            }),
      })),
    }),
  ),
  rule(runs('the names of disks'), (_, { disks }) =>
    disks
      .flatMap((one) =>
        [one.path, ...one.parts.map(({ number }) => `${one.path}${number}`)].map(
          (path) => `${path}\t${idOf(one)}${path === one.path ? '' : `-part${path.slice(one.path.length)}`}\n`,
        ),
      )
      .join(''),
  ),
  rule(['wipefs', '--noheadings'], (words, state) => {
    const { disk: found } = partOf(state, words.at(-1) ?? '');
    return [found?.table, found?.content].flatMap((one) => (one === null || one === undefined ? [] : `${one}\n`)).join('');
  }),
  rule(['wipefs', '--all'], (words, state) => {
    const { disk: found } = partOf(state, words.at(-1) ?? '');
    if (found !== undefined) Object.assign(found, { table: null, content: null, parts: [] });
    return '';
  }),
  rule(['blkid'], (words, state) => partOf(state, words.at(-1) ?? '').part?.uuid ?? ''),
  rule(runs('copies the partition table'), (words, state) => {
    const [from, to] = [partOf(state, words[3] ?? '').disk, partOf(state, words[4] ?? '').disk];
    if (from === undefined || to === undefined || to.table !== null) return FAILED('is not empty any more');
    Object.assign(to, { table: 'gpt', parts: from.parts.map(({ number }) => ({ number, content: null, uuid: '' })) });
    return '';
  }),
  rule(runs('gives a copied partition table'), (words, state) => {
    const { disk: found } = partOf(state, words[3] ?? '');
    if (found?.parts.length === 0) return FAILED('no partitions');
    Object.assign(found ?? {}, { isNumbered: true });
    return '';
  }),
  rule(['proxmox-boot-tool', 'status'], (_, { loader }, { files }) =>
    (files.get('/etc/kernel/proxmox-boot-uuids') ?? '')
      .split('\n')
      .filter((uuid) => uuid !== '')
      .map((uuid) => `${uuid} is configured with: ${loader} (versions: 6.8.12-18-pve)\n`)
      .join(''),
  ),
  rule(['proxmox-boot-tool', 'format'], (words, state) => {
    const { part } = partOf(state, words[2] ?? '');
    if (part === undefined) return FAILED(`E: '${words[2] ?? ''}' does not exist!`);
    Object.assign(part, { content: 'vfat', uuid: 'AAAA-0001' });
    return '';
  }),
  rule(['proxmox-boot-tool', 'init'], (words, state, { files }) => {
    const uuid = partOf(state, words[2] ?? '').part?.uuid ?? '';
    const kept = new Set((files.get('/etc/kernel/proxmox-boot-uuids') ?? '').split('\n').filter((one) => one !== ''));
    files.set('/etc/kernel/proxmox-boot-uuids', `${[...kept.add(uuid)].toSorted().join('\n')}\n`);
    state.initAs = words[3] ?? 'systemd-boot';
    return '';
  }),
  rule(['zpool', 'status'], (words, state) => {
    if (words[2] === '-j' && !state.isNew) return FAILED("invalid option 'j'\nusage:", 2);
    const name = words.at(-1) ?? '';
    const one = state.pools[name];
    if (one?.imported !== true) return FAILED(`cannot open '${name}': no such pool`);
    return words[2] === '-j' ? statusJson(name, asSeen(one)) : statusText(name, asSeen(one));
  }),
  rule(['zpool', 'attach'], ([, , name = '', old = '', path = ''], state) => {
    const vdev = state.pools[name]?.vdevs.find(({ members }) => members.some((one) => one.path === old));
    if (vdev === undefined || partOf(state, path).part === undefined) return FAILED(`cannot attach ${path} to ${old}: no such device`);
    vdev.kind = 'mirror';
    vdev.members.push({ path, state: 'ONLINE' });
    Object.assign(partOf(state, path).part ?? {}, { content: 'zfs_member' });
    begin(state.pools[name], 'RESILVER', 0);
    return '';
  }),
  rule(['zpool', 'create'], (words, state) => {
    const at = words.findIndex((word, index) => index > 1 && !word.startsWith('-') && words[index - 1]?.startsWith('-') === false);
    const name = words[at] ?? '';
    const vdevs: VdevState[] = [];
    for (const word of words.slice(at + 1)) {
      if (word.startsWith('/')) {
        if (vdevs.length === 0) vdevs.push({ kind: 'disk', members: [] });
        vdevs.at(-1)?.members.push({ path: `${word}-part1`, state: 'ONLINE' });
        const { disk: found } = partOf(state, word);
        if (found !== undefined) Object.assign(found, { table: 'gpt', parts: [{ number: 1, content: 'zfs_member', uuid: '' }] });
      } else vdevs.push({ kind: word, members: [] });
    }
    state.pools[name] = pool(vdevs, { autotrim: words.includes('autotrim=on') });
    return '';
  }),
  rule(['zpool', 'get'], (words, state) => {
    const one = state.pools[words.at(-1) ?? ''];
    return `${words.at(-2) === 'guid' ? (one?.guid ?? '') : one?.autotrim === true ? 'on' : 'off'}\n`;
  }),
  rule(['zpool', 'set'], ([, , setting = '', name = ''], state) => {
    Object.assign(state.pools[name] ?? {}, { autotrim: setting === 'autotrim=on' });
    return '';
  }),
  rule(
    (words) => words[0] === 'zpool' && words[1] === 'import' && /^\d+$/.test(words.at(-1) ?? ''),
    (words, state) => {
      const one = Object.values(state.pools).find(({ guid }) => guid === words.at(-1));
      if (one === undefined) return FAILED('no such pool available');
      if (one.hostname !== 'now' && !words.includes('-f')) return FAILED('pool was previously in use from another system.');
      one.imported = true;
      return '';
    },
  ),
  rule(['zpool', 'import'], (_, state) =>
    Object.entries(state.pools)
      .filter(([, { imported }]) => !imported)
      .map(([name, one]) => {
        const rows = one.vdevs.map(
          ({ kind, members }, at) =>
            `\t  ${kind}-${at}  ONLINE\n${members.map(({ path }) => `\t    ${path.replace(/^.*\//, '')}  ONLINE\n`).join('')}`,
        );
        return `   pool: ${name.replace(/#.*/, '')}\n     id: ${one.guid}\n  state: ${stateOf(one)}\nstatus: The pool was last accessed by another system.\n action: The pool can be imported using its name or numeric identifier and\n\tthe '-f' flag.\n config:\n\n\t${name}  ONLINE\n${rows.join('')}\n`;
      })
      .join('\n'),
  ),
  rule(['zdb', '-l'], (words, state) => {
    const path = words.at(-1) ?? '';
    const { disk: found, part } = partOf(state, path);
    const id = found === undefined ? '' : `${idOf(found)}-part${part?.number ?? 0}`;
    const entry = Object.entries(state.pools).find(([, { vdevs }]) => vdevs.some(({ members }) => members.some((one) => one.path === id)));
    if (entry === undefined) return FAILED('failed to unpack label 0', 2);
    const [name, { guid, hostname }] = entry;
    return `------------------------------------\nLABEL 0\n------------------------------------\n    version: 5000\n    name: '${name.replace(/#.*/, '')}'\n    state: 0\n    txg: 45\n    pool_guid: ${guid}\n    errata: 0\n    hostid: 2148013581\n    hostname: '${hostname}'\n    top_guid: 111\n    vdev_tree:\n        type: 'mirror'\n`;
  }),
  rule(['zpool', 'scrub'], ([, , name = ''], state) => {
    begin(state.pools[name], 'SCRUB', Number(state.scrubErrors ?? 0));
    return '';
  }),
  rule(['zfs', 'get'], (words, state) => `${state.pools[words.at(-1) ?? '']?.property ?? '-'}\n`),
  rule(['zfs', 'set'], ([, , setting = '', name = ''], state) => {
    Object.assign(state.pools[name] ?? {}, { property: setting.split('=')[1] });
    return '';
  }),
  rule(['systemctl', 'is-enabled'], (_, { weekly }) => (weekly ? 'enabled\n' : { code: 1, out: 'disabled\n' })),
  rule(['systemctl'], ([, verb], state) => {
    state.weekly = verb === 'enable';
    return '';
  }),
  rule(['test', '-e', '/etc/cron.d/zfsutils-linux'], () => ''),
  rule(['test', '-e', '/var/lib/rackseed/initramfs-pending'], (_, { pending }) => ({ code: pending ? 0 : 1 })),
  rule(['cat', '/sys/module/zfs/parameters/zfs_arc_max'], (_, { arcMax }) => `${arcMax}\n`),
  rule(runs('notes that the initramfs'), (_, state) => {
    state.pending = true;
    return '';
  }),
  rule(runs('tells the running module'), (words, state) => {
    state.arcMax = words[3] ?? '';
    return '';
  }),
  rule(['update-initramfs'], (_, state, { files }) => {
    state.initramfs = files.get('/etc/modprobe.d/zfs.conf') ?? '';
    return '';
  }),
  rule(['rm', '-f', '--', '/var/lib/rackseed/initramfs-pending'], (_, state) => {
    state.pending = false;
    return '';
  }),
];
