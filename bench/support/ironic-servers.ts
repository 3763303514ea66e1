// The two that are compared, on loopback in plain HTTP without authentication: `rackseed serve`, and Debian's ironic-api with
// ironic-conductor on SQLite with fake-hardware. Knows how they are set up and started; nothing of what is asked of them.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { descendantsOf, type Program, startProgram } from './programs.ts';

const ENTRY = join(import.meta.dirname, '../../src/main.ts');
const READY_LIMIT_MS = 60_000;
const POLL_MS = 50;
const BYTES_PER_KB = 1024;
const BYTES_PER_MB = 1e6;

export interface Server {
  readonly url: string;
  /** MB of all its processes; what they share is counted once (the proportional set size). */
  memory(): Promise<number>;
  stop(): Promise<void>;
}

export async function startOurs(directory: string, more = ''): Promise<Server> {
  const [port, bootPort] = [await freePort(), await freePort()];
  await mkdir(join(directory, 'data'), { recursive: true });
  const config = join(directory, 'rackseed.toml');
  const text = `[server]
listen = "127.0.0.1:${port}"
boot_listen = "127.0.0.1:${bootPort}"
data_dir = "${join(directory, 'data')}"
tls = false
[tftp]
enabled = false
[auth]
mode = "none"
[lifecycle]
automated_clean = false
[power]
sync_seconds = 0
${more}`;
  await writeFile(config, text);
  const program = await startProgram([process.execPath, ENTRY, 'serve', '--config', config], /rackseed is ready/);
  return serverOf(`http://127.0.0.1:${port}`, [program]);
}

/** API and conductor, one process each and one worker of the API, as few as it can be: with SQLite more get in each other's way. */
export async function startIronic(directory: string): Promise<Server> {
  const [port, rpcPort] = [await freePort(), await freePort()];
  await mkdir(directory, { recursive: true });
  const config = join(directory, 'ironic.conf');
  await writeFile(config, ironicConfig(directory, port, rpcPort));
  const schema = await startProgram(['ironic-dbsync', '--config-file', config, 'create_schema']);
  await schema.end;
  const conductor = await startProgram(['ironic-conductor', '--config-file', config]);
  const api = await startProgram(['ironic-api', '--config-file', config]);
  const url = `http://127.0.0.1:${port}`;
  await untilItHasDrivers(url, [conductor, api]);
  return serverOf(url, [api, conductor]);
}

function ironicConfig(directory: string, port: number, rpcPort: number): string {
  const kinds = ['bios', 'boot', 'console', 'deploy', 'inspect', 'management', 'power', 'raid', 'rescue', 'storage', 'vendor'];
  // The conductor's name is also where the API reaches it.
  return `[DEFAULT]
auth_strategy = noauth
rpc_transport = json-rpc
host = 127.0.0.1
my_ip = 127.0.0.1
state_path = ${directory}
enabled_hardware_types = fake-hardware
enabled_network_interfaces = noop
${kinds.map((kind) => `enabled_${kind}_interfaces = ${kind === 'storage' ? 'noop' : 'fake'}`).join('\n')}
[database]
connection = sqlite:///${directory}/ironic.sqlite
[api]
host_ip = 127.0.0.1
port = ${port}
api_workers = 1
max_limit = 1000
[json_rpc]
auth_strategy = noauth
host_ip = 127.0.0.1
port = ${rpcPort}
[conductor]
automated_clean = false
sync_power_state_interval = 0
[oslo_concurrency]
lock_path = ${directory}/locks
`;
}

async function untilItHasDrivers(url: string, programs: readonly Program[]): Promise<void> {
  const ends = performance.now() + READY_LIMIT_MS;
  while (!(await hasDrivers(url))) {
    if (performance.now() > ends) throw new Error(`Ironic was never ready: ${programs.map((one) => one.said()).join('\n')}`);
    await pause(POLL_MS);
  }
}

async function hasDrivers(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/v1/drivers`);
    return (await reply.text()).includes('fake-hardware');
  } catch {
    return false; // nobody listens yet; one that never does ends the loop above
  }
}

function serverOf(url: string, programs: readonly Program[]): Server {
  return {
    url,
    async memory() {
      const pids = await Promise.all(programs.map(({ child }) => descendantsOf(child.pid ?? 0)));
      const sizes = await Promise.all(pids.flat().map(proportionalSize));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    async stop() {
      await Promise.all(programs.map((program) => program.stop()));
    },
  };
}

async function proportionalSize(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return (Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * BYTES_PER_KB) / BYTES_PER_MB;
}
