// The RAM system: how large it is to send, with its kernel, and how long a machine takes from the kernel's start to its first heartbeat.
// Nobody else's is measured beside it: those that there are need images from elsewhere. Software emulation: seconds compare only with
// seconds of the same machine.

import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Artefacts, agentNames, ensureArtefacts } from '../images/index.ts';
import { runProgram } from '../src/lib/index.ts';
import { type StandIn, startStandIn } from '../test/e2e/agent-stand-in.ts';
import type { Bench } from './harness.ts';
import { bootToHeartbeat } from './support/agent-machine.ts';

const MB = 1_000_000;
const SIZE_LIMIT_MB = 80;
const MEMORY_MB = 1024;
const LIMIT_MS = 4 * 60_000;
const SIZE = 'MB-with-kernel';

let artefacts: Artefacts | undefined;

function built(): Artefacts {
  if (artefacts === undefined) throw new Error('the RAM system is built first');
  return artefacts;
}

function fileOf(name: string): { readonly path: string; readonly size: number } {
  const found = built().files.find((file) => file.name === name);
  if (found === undefined) throw new Error(`no artefact ${name}`);
  return found;
}

function sizeInMb(): Promise<number> {
  const { kernel, initrd } = agentNames('amd64');
  return Promise.resolve((fileOf(kernel).size + fileOf(initrd).size) / MB);
}

async function secondsToHeartbeat(): Promise<number> {
  const { kernel, initrd } = agentNames('amd64');
  const standIn: StandIn = await startStandIn(1);
  try {
    const files = { kernel: fileOf(kernel).path, initrd: fileOf(initrd).path };
    const times = await bootToHeartbeat({ ...files, memoryMb: MEMORY_MB, standIn, limitMs: LIMIT_MS });
    process.stderr.write(`init ${times.init} s, agent ${times.agent} s, first heartbeat ${times.heartbeat.toFixed(1)} s\n`);
    return times.heartbeat;
  } finally {
    await standIn.stop();
  }
}

export const bench: Bench = {
  name: 'agent',
  unit: 'MB, s',
  larger: false,
  rounds: 3,
  async setup() {
    const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rackseed');
    artefacts = await ensureArtefacts({ cacheDir, run: runProgram, log: (line) => void process.stderr.write(`${line}\n`) });
    for (const { name, size, unpackedSize } of artefacts.manifest.members)
      process.stderr.write(`${name}: ${(size / MB).toFixed(1)} MB, ${(unpackedSize / MB).toFixed(1)} MB unpacked\n`);
  },
  ours: { [SIZE]: sizeInMb, 'seconds-from-kernel-to-heartbeat': secondsToHeartbeat },
  peers: {},
  promises: [{ case: SIZE, limit: SIZE_LIMIT_MB }],
  note: `software emulation (TCG), 2 CPUs, ${MEMORY_MB} MB, one virtio network port, the appliance on loopback; a machine with real CPUs is several times as fast`,
};
