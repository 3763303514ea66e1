// Machines of the stand-in for Proxmox VE as steps of a cluster meet them: a shell of root that lets only known keys in, files of the machine and of
// the cluster file system, commands that go on without us. The programs themselves are tried elsewhere.

import { RackseedError, Secret, silentLog } from '../../../../src/lib/index.ts';
import { BEGIN_JOB, FORGET_JOB, LOOK_AT_JOB } from '../../../../src/pipeline/cluster/job.ts';
import { BEGUN, MACHINE_FACTS } from '../../../../src/pipeline/cluster/machine-codec.ts';
import type { MemberAddress, PipelineStep, StepContext, StepLook } from '../../../../src/pipeline/index.ts';
import { NO_SCRIPTS } from '../../../../src/pipeline/scripts.ts';
import { pveByShell, type Ran, type RootShell, type RunOptions } from '../../../../src/proxmox/index.ts';
import { execOn, type Member, quorumOf } from '../../../sim/pve/index.ts';
import type { Release } from '../../../sim/pve/schema/index.ts';
import { filledArgs, type StepWorld } from '../../../support/pipeline.ts';
import { cluster, type Fixture, fixture } from '../../sim/pve/world.ts';

export const OUR_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOurs rackseed';
const KEYS = '/etc/pve/priv/authorized_keys';
const ATTEMPT = '/etc/ssh/ssh_config.d/00-rackseed-join.conf';

interface Job {
  log: string;
  code: number | null;
}

/** What is on a machine beside what the stand-in keeps. */
interface Disk {
  readonly files: Map<string, string>;
  readonly jobs: Map<string, Job>;
  release: string;
  ceph: string;
  skewMs: number;
  hasDatabase: boolean;
  /** The package; and whether a server of quorum devices lets root of it in. */
  hasQdevice: boolean;
  isLetIn: boolean;
  readonly pools: Set<string>;
  /** Signs in with a key that lies elsewhere than in authorized_keys. */
  hasOtherWay: boolean;
}

export interface ClusterWorld extends Fixture {
  disk(name: string): Disk;
  shell(name: string): RootShell & { readonly name: string };
  keys(name: string): string;
  /** Each command, by whom it was run. */
  readonly commands: { readonly on: string; readonly command: readonly string[] }[];
  /** A step's world for one of the machines. */
  on(name: string, more?: OnOptions): StepWorld;
  look(name: string, more?: OnOptions): StepLook;
}

export interface OnOptions {
  readonly cluster?: StepLook['cluster'];
  /** Names; those that are in it and have come, unless told. */
  readonly members?: readonly string[];
  readonly secrets?: Readonly<Record<string, string>>;
}

/** `count` machines; the first `joined` of them are a cluster called home. */
export async function clusterWorld(count: number, joined = 0, release: Release = '9.1'): Promise<ClusterWorld> {
  const made = joined === 0 ? await fixture(count, release) : await cluster(joined, release);
  for (let at = joined + 1; joined > 0 && at <= count; at += 1) await addMachine(made, at);
  return new Machines(made).world();
}

async function addMachine({ world }: Fixture, at: number): Promise<void> {
  const { world: more } = await fixture(at);
  const fresh = more.members.get(`pve${at}`);
  if (fresh !== undefined) world.members.set(fresh.name, fresh);
}

class Machines {
  readonly #made: Fixture;
  readonly #disks = new Map<string, Disk>();
  /** Files of a cluster file system go with it. */
  readonly #shared = new WeakMap<object, Map<string, string>>();
  readonly commands: ClusterWorld['commands'] = [];
  #left = Number.POSITIVE_INFINITY;
  #asked = 0;

  constructor(made: Fixture) {
    this.#made = made;
  }

  world(): ClusterWorld {
    return {
      ...this.#made,
      commands: this.commands,
      disk: (name) => this.#disk(name),
      keys: (name) => this.#etc(name).get(KEYS) ?? '',
      shell: (name) => this.#shell(name),
      on: (name, more) => this.#on(name, more),
      look: (name, more) => this.#look(name, more),
    };
  }

  #disk(name: string): Disk {
    const known = this.#disks.get(name);
    if (known !== undefined) return known;
    const files = new Map([['/etc/ssh/ssh_host_ed25519_key.pub', `ssh-ed25519 AAAAhost${name} root@${name}\n`]]);
    const disk = {
      files,
      jobs: new Map(),
      release: '9.1.4',
      ceph: '',
      skewMs: 0,
      hasDatabase: true,
      hasQdevice: true,
      isLetIn: true,
      pools: new Set<string>(),
      hasOtherWay: false,
    };
    this.#disks.set(name, disk);
    return disk;
  }

  /** As an installation leaves it, the appliance's key is the only one. */
  #etc(name: string): Map<string, string> {
    const { etc } = this.#made.member(name);
    const known = this.#shared.get(etc) ?? new Map([[KEYS, `${OUR_KEY}\n`]]);
    this.#shared.set(etc, known);
    return known;
  }

  #place(name: string, path: string): { readonly files: Map<string, string>; readonly path: string } {
    const real = path === '/root/.ssh/authorized_keys' ? KEYS : path;
    return { files: real.startsWith('/etc/pve/') ? this.#etc(name) : this.#disk(name).files, path: real };
  }

  #read(name: string, path: string): string | undefined {
    const { corosync } = this.#made.member(name).etc;
    if (path === '/etc/pve/corosync.conf') return corosync === null ? undefined : confOf(corosync);
    const place = this.#place(name, path);
    return place.files.get(place.path);
  }

  async #around<T>(name: string, what: readonly string[], act: () => Promise<T> | T): Promise<T> {
    const member = this.#made.member(name);
    if (this.#left <= 0) throw broke('it was cut');
    const mayIn = member.isOn && (this.#disk(name).hasOtherWay || (this.#etc(name).get(KEYS) ?? '').includes('AAAAIOurs'));
    if (!mayIn) throw broke(`${name} lets nobody in`);
    this.commands.push({ on: name, command: what });
    this.#asked += 1;
    this.#left -= 1;
    const done = await act();
    if (this.#left <= 0) throw broke('it was cut');
    return done;
  }

  #shell(name: string): RootShell & { readonly name: string } {
    const run = (command: readonly string[], options: RunOptions = {}): Promise<Ran> =>
      this.#around(name, command, async () => ({
        code: 0,
        signal: null,
        out: '',
        err: '',
        ...(await this.#execute(name, command, options)),
      }));
    return {
      name,
      address: this.#made.member(name).ip,
      run,
      must: async (command, options) => {
        const { code, out, err } = await run(command, options);
        if (code === 0) return out;
        throw new RackseedError(
          'proxmox.command_failed',
          { status: 502, about: '' },
          { message: `${command.join(' ')} ended with ${String(code)}: ${err}` },
        );
      },
      script: (text, words, options) => run(['sh', '-eu', text, ...words], options),
      readFile: (path) =>
        this.#around(name, ['#read', path], () => {
          const text = this.#read(name, path);
          return text === undefined ? undefined : Buffer.from(text);
        }),
      writeFile: (path, content) =>
        this.#around(name, ['#write', path], () => {
          if (path.startsWith('/etc/pve/') && !quorumOf(this.#made.world, this.#made.member(name)).isQuorate)
            throw new RackseedError('proxmox.command_failed', { status: 502, about: '' }, { message: `${path}: Permission denied` });
          const place = this.#place(name, path);
          place.files.set(place.path, content.toString());
        }),
    };
  }

  async #execute(name: string, command: readonly string[], options: RunOptions): Promise<Partial<Ran>> {
    const { world } = this.#made;
    const member = this.#made.member(name);
    const [program = '', ...words] = command;
    if (program === 'pvecm' || program === 'pvesh') return execOn(world, name, command, String(options.input ?? ''));
    if (program === 'corosync-quorumtool') return execOn(world, name, ['pvecm', 'status']);
    if (program === 'sh') return this.#script(member, words, options);
    if (program === 'mkdir') return {};
    if (program === 'ssh') return this.#ssh(name, words);
    if (program === 'dpkg-query') return { code: this.#disk(name).hasQdevice ? 0 : 1, out: this.#disk(name).hasQdevice ? 'ii ' : '' };
    if (program === 'zfs') return { code: this.#disk(name).pools.has(words.at(-1) ?? '') ? 0 : 1 };
    if (program === 'rm') return this.#remove(member, words);
    if (program === 'systemctl') return this.#service(member, words);
    if (program === 'openssl') return { out: `sha256 Fingerprint=${member.tls.fingerprint}\n` };
    if (program === 'ssh-keygen') return this.#makeKey(name, words);
    if (program === 'test') return { code: this.#hasCertificate(member, words.at(-1) ?? '') ? 0 : 1 };
    throw new Error(`nobody tells what ${command.join(' ')} answers`);
  }

  /** To another member, as members do, or to a server of quorum devices. */
  #ssh(name: string, words: readonly string[]): Partial<Ran> {
    const at = words.indexOf('--');
    const host = (words[at - 1] ?? '').replace('root@', '');
    const peer = [...this.#made.world.members.values()].find(({ ip }) => ip === host);
    if (peer !== undefined) {
      const isKnown = words.includes(`UserKnownHostsFile=/etc/pve/nodes/${peer.name}/ssh_known_hosts`) && peer.isOn;
      return isKnown ? { code: this.#disk(peer.name).hasQdevice ? 0 : 1 } : { code: 255, err: 'Host key verification failed.' };
    }
    return this.#disk(name).isLetIn ? {} : { code: 255, err: 'root@192.0.2.99: Permission denied (publickey).' };
  }

  #hasCertificate(member: Member, path: string): boolean {
    const named = /^\/etc\/pve\/nodes\/([^/]+)\/pve-ssl\.pem$/.exec(path)?.[1] ?? '';
    return this.#made.world.members.get(named)?.etc === member.etc;
  }

  #makeKey(name: string, words: readonly string[]): Partial<Ran> {
    const path = words[words.indexOf('-f') + 1] ?? '';
    const comment = words[words.indexOf('-C') + 1] ?? '';
    this.#disk(name).files.set(path, 'private');
    this.#disk(name).files.set(`${path}.pub`, `ssh-ed25519 AAAAattempt${name} ${comment}\n`);
    return {};
  }

  #remove(member: Member, words: readonly string[]): Partial<Ran> {
    for (const path of words) this.#disk(member.name).files.delete(path);
    if (words.includes('/etc/corosync/authkey')) member.hasAuthkey = false;
    return {};
  }

  /** corosync and the cluster file system come up with what is on the disk. */
  #service(member: Member, words: readonly string[]): Partial<Ran> {
    const { world } = this.#made;
    if (words.join(' ') !== 'restart corosync pve-cluster' || member.etc.corosync !== null) return {};
    const listed = [...world.members.values()].find(({ etc }) => etc.corosync?.nodes.has(member.name) === true);
    if (listed !== undefined) member.etc = listed.etc;
    this.#disk(member.name).hasDatabase = true;
    return {};
  }

  #script(member: Member, [, text = '', ...words]: readonly string[], options: RunOptions): Partial<Ran> {
    const disk = this.#disk(member.name);
    const [dir = '', ...command] = words;
    if (text === MACHINE_FACTS) return { out: this.#facts(member, disk) };
    if (text === FORGET_JOB) disk.jobs.delete(dir);
    else if (text === LOOK_AT_JOB) return { out: jobWords(disk.jobs.get(dir)) };
    else if (text === BEGIN_JOB) {
      if (disk.jobs.has(dir)) return { code: 45 };
      const job: Job = { log: '', code: null };
      disk.jobs.set(dir, job);
      // Goes on by itself, whatever becomes of the connection.
      this.#job(member, job, command, String(options.input ?? '')).catch((thrown: unknown) => {
        job.log = `the test: ${String(thrown)}`;
        job.code = 1;
      });
    } else throw new Error(`an unknown script: ${text}`);
    return {};
  }

  async #job(member: Member, job: Job, command: readonly string[], input: string): Promise<void> {
    const refused = command.includes('--use_ssh') && !this.#mayCopyId(member, command[2] ?? '');
    const ran = refused
      ? { code: 255, out: '', err: 'unable to copy ssh ID: exit code 1\n' }
      : await execOn(this.#made.world, member.name, command, input);
    // The real one has written both by then.
    if (ran.err.includes("can't stop pve-cluster")) {
      member.hasAuthkey = true;
      this.#disk(member.name).files.set('/etc/corosync/corosync.conf', 'totem {\n  cluster_name: home\n}\n');
    }
    job.log = ran.out + ran.err;
    job.code = ran.code;
  }

  /** As sshd of the peer and ssh of the newcomer together would have it. */
  #mayCopyId({ name, ip }: Member, host: string): boolean {
    const { files } = this.#disk(name);
    const peer = [...this.#made.world.members.values()].find((one) => one.ip === host);
    const key = files.get('/root/.ssh/rackseed-join.pub')?.split(' ')[1];
    const isNamed = files.get(ATTEMPT)?.includes(`Host ${host}\n`) === true;
    if (peer === undefined || key === undefined || !isNamed) return false;
    const line = (this.#etc(peer.name).get(KEYS) ?? '').split('\n').find((one) => one.includes(key));
    const knows = files.get('/root/.ssh/rackseed-join-hosts') === `${host} ssh-ed25519 AAAAhost${peer.name}\n`;
    return knows && line?.startsWith('from="') === true && (/^from="([^"]*)"/.exec(line)?.[1] ?? '').split(',').includes(ip);
  }

  #facts({ etc, hasAuthkey, guests, addresses, name }: Member, disk: Disk): string {
    const lines = [
      ...(etc.corosync === null ? [] : [`cluster=${etc.corosync.name}`]),
      ...(etc.corosync !== null || disk.files.has('/etc/corosync/corosync.conf') ? ['local=home'] : []),
      ...(hasAuthkey ? ['authkey=1'] : []),
      ...(disk.hasDatabase ? ['database=1'] : []),
      ...(etc.corosync === null ? [] : ['corosync=1']),
      ...(disk.files.has(BEGUN) ? [`begun=${disk.files.get(BEGUN)}`] : []),
      ...[...guests].map((guest) => `guest=${guest}`),
      `pve=${disk.release}`,
      `ceph=${disk.ceph}`,
      `addresses=${JSON.stringify([{ ifname: name, addr_info: addresses.map((local) => ({ local, scope: 'global' })) }])}`,
      `now=${this.#made.clock.now() + disk.skewMs}`,
    ];
    return `${lines.join('\n')}\n`;
  }

  #look(name: string, { cluster: table = { name: 'home', links: ['192.0.2.0/24'] }, members }: OnOptions = {}): StepLook {
    const { world } = this.#made;
    const come = [...world.members.values()].filter(({ etc, name: one }) => etc.corosync?.name === 'home' && etc.corosync.nodes.has(one));
    const names = (members ?? come.map((one) => one.name)).filter((one) => one !== name);
    const own = this.#made.member(name);
    return {
      node: {
        uuid: `uuid-${name}`,
        name,
        fqdn: `${name}.home.arpa`,
        address: own.ip,
        bootMode: 'uefi',
        hostKeys: [],
        properties: {},
        inventory: null,
        systemDisks: [],
      },
      profile: { name: 'pve' },
      cluster: table,
      members: names.map((one): MemberAddress => ({ name: one, nodeUuid: `uuid-${one}`, addresses: [world.members.get(one)?.ip ?? ''] })),
    };
  }

  #context<Args>(
    name: string,
    step: PipelineStep<Args>,
    args: Readonly<Record<string, unknown>>,
    more: OnOptions,
    notes: StepWorld,
  ): StepContext<Args> {
    const look = this.#look(name, more);
    return {
      ...look,
      args: filledArgs(step, args),
      shell: this.#shell(name),
      shellAt: () => Promise.reject(new Error('no step here asks for it')),
      moved: () => Promise.reject(new Error('no step here asks for it')),
      memberShell: () => {
        const on = look.members.find((one) => this.#made.member(one.name).isOn);
        if (on !== undefined) return Promise.resolve(this.#shell(on.name));
        return Promise.reject(new RackseedError('pipeline.no_member', { status: 502, about: '' }, { message: 'no member answers' }));
      },
      pve: () => Promise.resolve(pveByShell(this.#shell(name))),
      secret: (secret) => Promise.resolve(more.secrets?.[secret] === undefined ? undefined : new Secret(more.secrets[secret])),
      scripts: NO_SCRIPTS,
      post: () => Promise.reject(new Error('no step here asks for it')),
      notes: { get: () => undefined, set: () => Promise.resolve() },
      progress: () => undefined,
      log: (line) => {
        notes.logs.push(line);
      },
      signal: notes.abort.signal,
      clock: this.#made.clock,
      trace: silentLog,
    };
  }

  #on(name: string, more: OnOptions = {}): StepWorld {
    const asked = (): number => this.#asked;
    const world: Omit<StepWorld, 'machine'> = {
      member: undefined,
      clock: this.#made.clock,
      logs: [],
      calls: [],
      notes: new Map(),
      moves: [],
      posted: [],
      abort: new AbortController(),
      get asked() {
        return asked();
      },
      dieAfter: (count) => {
        this.#left = count;
      },
      mend: () => {
        this.#left = Number.POSITIVE_INFINITY;
      },
      picture: () => this.#picture(),
      context: (step, args) => this.#context(name, step, args, more, whole),
    };
    // Nothing that proves a step asks for the machine itself.
    const whole = world as StepWorld;
    return whole;
  }

  #picture(): string {
    return JSON.stringify(
      [...this.#made.world.members.values()].map(({ name, etc, hasAuthkey }) => {
        const { corosync } = etc;
        const conf = corosync === null ? null : { name: corosync.name, nodes: [...corosync.nodes.values()], qdevice: corosync.qdevice };
        const disk = this.#disk(name);
        return {
          name,
          conf,
          hasAuthkey,
          keys: this.#etc(name).get(KEYS),
          storage: [...etc.storage],
          users: [...etc.users.keys()],
          acl: etc.acl,
          roles: [...etc.roles],
          objects: [...etc.objects].flatMap(([kind, of]) => (of.size === 0 ? [] : [[kind, [...of]]])),
          files: [...disk.files],
          jobs: [...disk.jobs.keys()],
        };
      }),
    );
  }
}

function jobWords(job: Job | undefined): string {
  if (job === undefined) return 'none\n';
  return `${job.code === null ? 'running' : `ended ${job.code}`}\n${job.log}`;
}

function broke(what: string): RackseedError {
  return new RackseedError(
    'proxmox.shell_broke',
    { status: 502, about: '', retryable: true },
    { message: `the connection broke: ${what}` },
  );
}

function confOf({ name, version, nodes, qdevice }: NonNullable<Member['etc']['corosync']>): string {
  const list = [...nodes.values()].map(({ name: node, nodeid, votes, links }) => {
    const rings = Object.entries(links).map(([at, address]) => `    ring${at}_addr: ${address}\n`);
    return `  node {\n    name: ${node}\n    nodeid: ${nodeid}\n    quorum_votes: ${votes}\n${rings.join('')}  }\n`;
  });
  const device = qdevice === null ? '' : `  device {\n    model: net\n    net {\n      host: ${qdevice.host}\n      tls: on\n    }\n  }\n`;
  return `nodelist {\n${list.join('')}}\nquorum {\n  provider: corosync_votequorum\n${device}}\ntotem {\n  cluster_name: ${name}\n  config_version: ${version}\n}\n`;
}
