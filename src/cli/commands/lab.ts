// rackseed lab …: an appliance and a virtual mini-PC on a private bridge of this machine.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import {
  createLab,
  FIRMWARES,
  type Firmware,
  forward,
  type Lab,
  type LabApi,
  type LabConnection,
  type LabOptions,
  type MachineSpec,
  parseEnd,
} from '../../lab/index.ts';
import { type Client, createClient } from '../client.ts';
import { readLocal } from '../connection.ts';
import { allPages, type CliContext, type GlobalOptions, labDirectory, positiveInteger } from '../context.ts';
import { renderList, renderValue } from '../output.ts';
import { buildArtefacts } from './image.ts';

interface UpOptions extends GlobalOptions {
  readonly firmware: Firmware;
  readonly nics: string;
  readonly port: number;
  readonly wait: boolean;
  readonly follow?: boolean;
}

const DISCOVERY_TIMEOUT_MS = 15 * 60_000;
const POLL_MS = 1000;

export function labCommand(program: Command, context: CliContext): void {
  const lab = program.command('lab').description('an appliance and a virtual mini-PC on a private bridge of this machine (root)');

  lab
    .command('up')
    .description('bring it up: appliance, bridge, one virtual machine that boots from the network')
    .addOption(
      new Option('--firmware <kind>', 'of the virtual machine: BIOS, UEFI with PXE, UEFI HTTP Boot, or UEFI with Secure Boot')
        .choices(FIRMWARES)
        .default('uefi'),
    )
    .addOption(new Option('--nics <n>', 'network ports of the virtual machine').choices(['1', '2', '3', '4']).default('1'))
    .option('--port <n>', 'where the API is on 127.0.0.1', positiveInteger, 6385)
    .option('--no-wait', 'do not wait until the machine is discovered')
    .option('--follow', 'stay, and take it down at Ctrl-C')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<UpOptions>();
      await up(context, options);
    });

  lab
    .command('down')
    .description('end what it started and remove the bridge; logs stay')
    .option('--purge', 'remove data, disks and logs too')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { readonly purge?: boolean }>();
      await makeLab(context).down({ purge: options.purge === true });
      context.err('The lab is down.\n');
    });

  lab
    .command('forward', { hidden: true })
    .argument('<listen>', 'unix:PATH or tcp:HOST:PORT')
    .argument('<target>', 'unix:PATH or tcp:HOST:PORT')
    .action(async (listen: string, target: string) => {
      const server = await forward(parseEnd(listen), parseEnd(target));
      await untilAborted(context);
      server.close();
    });

  lab
    .command('status')
    .description('what runs')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const status = await makeLab(context).status();
      if (options.output !== 'table') {
        context.out(renderValue(status, options.output));
        return;
      }
      context.out(renderList(status.processes, PROCESS_COLUMNS, 'table'));
      if (!status.up) context.err('The lab is down. Next step: rackseed lab up\n');
    });
}

const PROCESS_COLUMNS = [
  { title: 'ROLE', value: (row: { role: string }) => row.role },
  { title: 'PID', value: (row: { pid: number }) => row.pid },
  { title: 'RUNNING', value: (row: { running: boolean }) => (row.running ? 'yes' : 'no') },
];

async function up(context: CliContext, options: UpOptions): Promise<void> {
  const artefacts = await buildArtefacts(context);
  const lab = makeLab(context, { hostPort: options.port, artefactsDir: artefacts.directory });
  await lab.up(context.signal);
  const where = `https://127.0.0.1:${options.port}`;
  context.err(
    `Look at it: npx rackseed node list   (API: ${where}/api/nodes, its token: ${join(lab.connection.dataDir, 'admin.token')})\n`,
  );
  const name = `mini-${options.firmware}`;
  const { serialLog } = await lab.startMachine(labMachine(name, options.firmware, Number(options.nics)));
  if (options.wait) await waitForDiscovery(context, lab, serialLog);
  if (options.follow !== true) {
    context.err('It goes on in the background. Take it down with: npx rackseed lab down\n');
    return;
  }
  context.err('Ctrl-C takes it down.\n');
  await untilAborted(context);
  context.err('Taking the lab down ...\n');
  await lab.down();
}

/** What identifies it follows from its name: the same machine each time. */
export function labMachine(name: string, firmware: Firmware, nics: number): MachineSpec {
  const digest = createHash('sha256').update(name).digest('hex');
  return {
    name,
    firmware,
    mac: macOf(name),
    tap: 'tap0',
    nics: Array.from({ length: nics - 1 }, (_, index) => ({ mac: macOf(`${name} ${index + 1}`), tap: `tap${index + 1}` })),
    smbiosUuid: `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
    cpus: 2,
    memoryMb: 1536,
    diskGb: 8,
  };
}

/** 52:54:00 is what QEMU's own addresses begin with. */
function macOf(text: string): string {
  const digest = createHash('sha256').update(text).digest('hex');
  return `52:54:00:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}

async function waitForDiscovery(context: CliContext, lab: Lab, serialLog: string): Promise<void> {
  context.err('Waiting for the machine to boot and report itself (software emulation: one to three minutes) ...\n');
  const client = createClient(await labConnection(lab.connection));
  const end = context.clock.monotonic() + DISCOVERY_TIMEOUT_MS;
  try {
    while (context.clock.monotonic() < end) {
      const nodes = await allPages(client, '/api/nodes?limit=10', 'nodes');
      const first = nodes[0];
      if (first !== undefined) {
        context.err(`Discovered: node ${String(first.uuid)} in "${String(first.provisionState)}"\n`);
        return;
      }
      await context.clock.sleep(POLL_MS, context.signal);
    }
    context.err(`The machine has not reported itself. Its console: ${serialLog}. Next step: npx rackseed event list\n`);
  } finally {
    await client.close();
  }
}

const DAY_MS = 24 * 3_600_000;

/** Sleeps rather than listens: a listener alone does not keep the process alive. */
async function untilAborted({ clock, signal }: CliContext): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(DAY_MS, signal);
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }
}

/** Through the unix socket into the lab's namespace. */
export async function labConnection(connection: LabConnection): Promise<Parameters<typeof createClient>[0]> {
  const local = await readLocal(connection.dataDir);
  return { url: connection.url, token: local?.token, ca: local?.ca, socketPath: connection.socketPath };
}

function makeLab(
  context: CliContext,
  { hostPort, artefactsDir }: Pick<LabOptions, 'hostPort' | 'artefactsDir'> = { hostPort: null, artefactsDir: '' },
): Lab {
  const { run, clock, isRoot, self } = context;
  return createLab({
    name: context.env.RACKSEED_LAB_NAME ?? 'lab',
    directory: labDirectory(context),
    artefactsDir,
    rackseed: self,
    forwarder: [...self, 'lab', 'forward'],
    hostPort,
    run,
    clock,
    env: context.env,
    isRoot,
    say: (line) => context.err(`${line}\n`),
    api: labApi,
  });
}

/** What the lab asks of its appliance. */
export function labApi(connection: LabConnection): LabApi {
  const use = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = createClient(await labConnection(connection));
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  };
  return {
    async ready() {
      try {
        await use((client) => client.get('/readyz'));
        return true;
      } catch {
        return false; // not yet: the caller asks again and knows when to give up
      }
    },
    async openEnrolment() {
      await use((client) => client.send('PUT', '/api/enrolment', { mode: 'open' }));
    },
  };
}
