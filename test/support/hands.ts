// The agent's hands on files in place of disks: what a command is given, with real reading, real programs and real HTTP.

import { truncate, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { CommandContext, ResolvedDisk } from '../../src/agent/commands/types.ts';
import { CommandRefused } from '../../src/agent/commands/types.ts';
import { createEyes } from '../../src/agent/disks/eyes.ts';
import { objectionTo } from '../../src/agent/disks/resolve-decide.ts';
import type { DiskRef } from '../../src/inspect/commands.ts';
import type { Disk } from '../../src/inspect/inventory.ts';
import { type Run, runProgram, systemClock, systemRandom } from '../../src/lib/index.ts';

export interface Hands extends CommandContext {
  readonly logged: string[];
  readonly progressed: { readonly fraction: number; readonly text: string }[];
}

export interface HandsOptions {
  readonly run?: Run;
  /** Path of the file → its size. The ref's serial is the path. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly appliance?: string;
  readonly signal?: AbortSignal;
  readonly isResumed?: boolean;
}

export function hands({
  run = runProgram,
  sizes,
  appliance = 'http://127.0.0.1:9',
  signal = new AbortController().signal,
  isResumed = false,
}: HandsOptions): Hands {
  const logged: string[] = [];
  const progressed: { fraction: number; text: string }[] = [];
  const eyes = createEyes({ clock: systemClock });
  const look = async (ref: DiskRef): Promise<ResolvedDisk> => {
    const path = ref.serial ?? '';
    const size = sizes.get(path);
    if (size === undefined) throw new CommandRefused(`${ref.title} is not on this machine`);
    const disk = diskOf(path, size);
    const contents = await eyes.look(disk);
    const objection = objectionTo(ref, contents, isResumed);
    if (objection !== undefined) throw new CommandRefused(objection);
    return { ref, disk, path, contents };
  };
  return {
    logged,
    progressed,
    isResumed,
    signal,
    run,
    clock: systemClock,
    random: systemRandom,
    open: (url, { isAppliance, headers = {}, signal: until }) =>
      new Promise((resolve, reject) => {
        const where = isAppliance ? new URL(url, appliance) : new URL(url);
        const request = get(where, { headers, signal: until }, (response) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
        );
        request.once('error', reject);
      }),
    log: (line) => void logged.push(line),
    note: () => undefined,
    say: () => undefined,
    progress: (fraction, text) => void progressed.push({ fraction, text }),
    resolve: (refs) => Promise.all(refs.map(look)),
    report: () => Promise.reject(new Error('nobody reports in these tests')),
  };
}

export function refTo(path: string, size: number, expects: string[] | null = null): DiskRef {
  return { serial: path, wwn: null, size, byPath: null, expects, title: `disk ${path.slice(path.lastIndexOf('/') + 1)}` };
}

/** An empty file of that size, or one full of what an old system left. */
export async function fileDisk(path: string, size: number, old = false): Promise<void> {
  await writeFile(path, old ? Buffer.alloc(Math.min(size, 48 * 2 ** 20), 'left by somebody ') : '');
  await truncate(path, size);
}

function diskOf(path: string, size: number): Disk {
  return {
    name: path,
    model: 'file',
    size,
    rotational: false,
    wwn: null,
    serial: path,
    vendor: null,
    wwn_with_extension: null,
    wwn_vendor_extension: null,
    hctl: null,
    by_path: null,
    transport: null,
    removable: false,
    read_only: false,
  };
}
