// The parts of a machine that can be put under load, one after the other: what each is measured by, and what went wrong meanwhile.

import { availableParallelism, freemem } from 'node:os';
import type { Disk } from '../../inspect/inventory.ts';
import { messageOf } from '../../lib/index.ts';
import type { CommandContext } from '../commands/types.ts';
import { CommandRefused } from '../commands/types.ts';
import { listDisks } from '../facts/gather.ts';
import { readDisk } from './disk-reads.ts';
import { type Result, runJob } from './workers.ts';

export const LOAD_PARTS = ['cpu', 'memory', 'disk', 'network'] as const;
export type LoadPart = (typeof LOAD_PARTS)[number];

export interface Outcome {
  readonly figures: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

type Use = Pick<CommandContext, 'run' | 'clock' | 'random' | 'open' | 'signal' | 'progress' | 'log'>;

const MIB = 1024 ** 2;
/** What the agent and the kernel keep. */
const MEMORY_SHARE = 0.75;
const BANDWIDTH_BYTES = 256 * MIB;
/** The appliance streams so much of nothing in particular. */
const NOISE = '/api/agent/noise';
const NOISE_BYTES = 256 * MIB;
const DISKS_MAX = 64;
const DECIMALS = 10;

/** No part named: all of them. */
export function partsIn(names: readonly string[]): readonly LoadPart[] {
  const unknown = names.filter((name) => !LOAD_PARTS.some((part) => part === name));
  if (unknown.length > 0) throw new CommandRefused(`no part is called ${unknown.join(', ')}: there are ${LOAD_PARTS.join(', ')}`);
  return names.length === 0 ? LOAD_PARTS : LOAD_PARTS.filter((part) => names.includes(part));
}

export async function loadPart(use: Use, part: LoadPart, milliseconds: number, isBurnIn: boolean): Promise<Outcome> {
  switch (part) {
    case 'cpu':
      return cpu(use, milliseconds, isBurnIn);
    case 'memory':
      return memory(use, milliseconds, isBurnIn);
    case 'disk':
      return disks(use, milliseconds);
    case 'network':
      return network(use, milliseconds);
  }
}

async function cpu({ signal }: Use, milliseconds: number, isBurnIn: boolean): Promise<Outcome> {
  const job = { kind: 'cpu', bytes: 0 } as const;
  const alone = isBurnIn ? undefined : await runJob({ ...job, milliseconds: milliseconds / 2 }, signal);
  const count = availableParallelism();
  const each = { ...job, milliseconds: isBurnIn ? milliseconds : milliseconds / 2 };
  const all = await Promise.all(Array.from({ length: count }, () => runJob(each, signal)));
  const figures = {
    ...(alone === undefined ? {} : { cpu_single: rounded(perSecond(alone)) }),
    cpu_all: rounded(all.reduce((sum, one) => sum + perSecond(one), 0)),
    cpu_threads: count,
  };
  return { figures, failures: faultsOf([...(alone === undefined ? [] : [alone]), ...all]) };
}

/** Burn-in takes most of what is free, a share for each thread; a measurement takes as much as no cache holds. */
async function memory({ signal }: Use, milliseconds: number, isBurnIn: boolean): Promise<Outcome> {
  const threads = Math.min(availableParallelism(), 16);
  const free = Math.floor((freemem() * MEMORY_SHARE) / threads);
  const bytes = Math.floor(Math.min(free, isBurnIn ? 3072 * MIB : BANDWIDTH_BYTES) / 4096) * 4096;
  const kind = isBurnIn ? 'pattern' : 'bandwidth';
  const all = await Promise.all(Array.from({ length: threads }, () => runJob({ kind, bytes, milliseconds }, signal)));
  const mbps = all.reduce((sum, one) => sum + perSecond(one), 0) / MIB;
  return {
    figures: { [isBurnIn ? 'memory_tested_mib' : 'memory_mib_s']: rounded(isBurnIn ? (threads * bytes) / MIB : mbps) },
    failures: faultsOf(all),
  };
}

/** Each disk by itself; only reads. Of the figures the slowest disk's are kept under the plain names. */
async function disks(use: Use, milliseconds: number): Promise<Outcome> {
  const found = (await listDisks(use.run, (what, error) => use.log(`${what}: ${messageOf(error)}`, 'err'))).slice(0, DISKS_MAX);
  const figures: Record<string, number> = {};
  const failures: string[] = [];
  for (const disk of found) {
    const share = milliseconds / found.length / 2;
    const [sequential, random] = [await read(use, disk, 'sequential', share), await read(use, disk, 'random', share)];
    const mbps = rounded(((sequential.bytes / MIB) * 1000) / Math.max(1, sequential.milliseconds));
    const iops = rounded((random.reads * 1000) / Math.max(1, random.milliseconds));
    use.log(`${disk.name} (${disk.model ?? 'unknown'}): ${mbps} MiB/s in order, ${iops} reads/s here and there`);
    figures.disk_mib_s = Math.min(figures.disk_mib_s ?? mbps, mbps);
    figures.disk_reads_s = Math.min(figures.disk_reads_s ?? iops, iops);
    failures.push(...sequential.faults, ...random.faults);
  }
  return { figures, failures };
}

function read(use: Use, { name, size }: Disk, how: 'sequential' | 'random', milliseconds: number): ReturnType<typeof readDisk> {
  return readDisk(use, { path: name, size, how, milliseconds, signal: use.signal });
}

async function network({ open, clock, signal }: Use, milliseconds: number): Promise<Outcome> {
  const begun = clock.monotonic();
  let bytes = 0;
  const failures: string[] = [];
  while (clock.monotonic() - begun < milliseconds && failures.length === 0) {
    const { status, body } = await open(`${NOISE}?bytes=${NOISE_BYTES}`, { isAppliance: true, signal });
    if (status !== 200) failures.push(`the appliance answered HTTP ${status}`);
    let got = 0;
    try {
      for await (const chunk of body) {
        const { length } = chunk as Buffer; // a stream of bytes gives nothing else
        got += length;
        if (clock.monotonic() - begun >= milliseconds) break;
      }
    } catch (error) {
      failures.push(`the connection broke after ${got} bytes: ${messageOf(error)}`);
    }
    bytes += got;
  }
  const seconds = Math.max(1, clock.monotonic() - begun) / 1000;
  return { figures: { network_mib_s: rounded(bytes / MIB / seconds) }, failures };
}

function perSecond({ work, milliseconds }: Result): number {
  return (work * 1000) / Math.max(1, milliseconds);
}

function faultsOf(results: readonly Result[]): string[] {
  return results.flatMap(({ faults }) => faults);
}

function rounded(value: number): number {
  return Math.round(value * DECIMALS) / DECIMALS;
}
