// Each way to erase a disk, done: by the disk itself through nvme-cli and hdparm, by discards, by overwriting. Knows no order of them.

import { messageOf } from '../../../lib/index.ts';
import { fail } from '../../errors.ts';
import type { BlockDevice } from '../../writing/block-device.ts';
import type { NamedDisk } from '../named-disk.ts';
import type { CommandContext } from '../types.ts';
import type { Abilities, Way } from './erase-decide.ts';

export interface WayParts {
  /** Programs that ask the disk itself want it closed: each is given the path that it has at that moment. */
  readonly disk: NamedDisk;
  readonly abilities: Abilities;
  readonly context: Pick<CommandContext, 'run' | 'signal' | 'clock' | 'random' | 'log'>;
  readonly passes: number;
  readonly verify: boolean;
  readonly progress: (fraction: number, text: string) => void;
}

const HOUR = 3_600_000;
const CHUNK = 4 * 2 ** 20;
const DISCARD_STEP = 64 * 2 ** 30;
/** Known to everybody, set for the time of the erasure only: a disk that loses power in between is found locked by it, and opened by it. */
export const ATA_PASSWORD = 'rackseed';

export async function eraseBy(way: Exclude<Way, 'metadata'>, parts: WayParts): Promise<void> {
  switch (way) {
    case 'nvme-crypto':
      return nvmeFormat(parts, 2);
    case 'nvme-format':
      return nvmeFormat(parts, 1);
    case 'nvme-sanitize':
      return nvmeSanitize(parts);
    case 'ata-secure':
      return ataErase(parts);
    case 'discard':
      return discardAll(parts);
    case 'overwrite':
      return overwrite(parts);
  }
}

async function tool(parts: WayParts, command: string, args: readonly string[], timeoutMs: number): Promise<string> {
  const { code, stdout, stderr } = await parts.context.run(command, args, { timeoutMs, signal: parts.context.signal });
  if (code === 0) return stdout;
  const said = `${stderr}\n${stdout}`.trim().replaceAll(/\s+/g, ' ').slice(0, 300);
  throw fail('agent.disk_failed', { message: `${command} ${args[0] ?? ''}, ${parts.disk.ref.title}: ${said || `ended with ${code}`}` });
}

async function nvmeFormat(parts: WayParts, ses: 1 | 2): Promise<void> {
  const lbaFormat = parts.abilities.nvme?.lbaFormat ?? 0;
  parts.progress(0, ses === 2 ? 'NVMe format with cryptographic erase' : 'NVMe format with erase of user data');
  const path = await parts.disk.pathToChange();
  await tool(parts, 'nvme', ['format', path, `--ses=${ses}`, `--lbaf=${lbaFormat}`, '--force', `--timeout=${2 * HOUR}`], 2 * HOUR);
}

const SANITIZE_LOOK_MS = 3000;

/** The controller goes on by itself, also over a reset; its log says how far it is (NVMe base 2.0, figure 291). */
async function nvmeSanitize(parts: WayParts): Promise<void> {
  const { clock, signal } = parts.context;
  const { title } = parts.disk.ref;
  const action = parts.abilities.nvme?.sanitizes === 'crypto' ? 'start-crypto-erase' : 'start-block-erase';
  parts.progress(0, 'NVMe sanitize');
  const path = await parts.disk.pathToChange();
  const controller = path.replace(/n\d+$/, '');
  await tool(parts, 'nvme', ['sanitize', controller, `--sanact=${action}`], HOUR);
  const begun = clock.monotonic();
  for (;;) {
    const { status, fraction } = sanitizeStanding(await tool(parts, 'nvme', ['sanitize-log', controller, '-o', 'json'], 60_000));
    if (status === 1 || status === 4) break;
    if (status !== 2) throw fail('agent.disk_failed', { message: `${title}: the sanitize ended with status ${status}` });
    if (clock.monotonic() - begun > 12 * HOUR) throw fail('agent.disk_failed', { message: `${title}: sanitizing for 12 hours` });
    parts.progress(fraction, 'NVMe sanitize');
    await clock.sleep(SANITIZE_LOOK_MS, signal);
  }
  // The log that was read hours long was that of a name.
  const now = await parts.disk.now();
  if (now.path !== path)
    throw fail('agent.disk_failed', { message: `${title} is ${now.path} now: whether its sanitize ended is not known` });
}

/** Its JSON has the log under the name of the controller, or by itself, as nvme-cli's version has it. */
export function sanitizeStanding(text: string): { readonly status: number; readonly fraction: number } {
  const sprog = /"(?:sprog|SPROG)"\s*:\s*(\d+)/.exec(text)?.[1];
  const sstat = /"(?:sstat|SSTAT)"\s*:\s*(?:\{[^}]*?"(?:status|media_verification_canceled)"\s*:\s*"?\(?)?(\d+)/.exec(text)?.[1];
  return { status: Number(sstat ?? 0) & 7, fraction: Number(sprog ?? 65_535) / 65_536 };
}

/** With the password taken away again, whatever happens: a disk left locked is a disk that nobody can use. */
async function ataErase(parts: WayParts): Promise<void> {
  const { ata } = parts.abilities;
  const { title } = parts.disk.ref;
  const user = ['--user-master', 'u'];
  const minutes = ata?.minutes ?? 60;
  // hdparm's own limit is two hours for disks that do not say.
  const timeoutMs = Math.max(2 * HOUR, minutes * 2 * 60_000);
  const security = async (what: string, limitMs = 60_000): Promise<void> => {
    await tool(parts, 'hdparm', [...user, what, ATA_PASSWORD, await parts.disk.pathToChange()], limitMs);
  };
  if (ata?.isEnabled === true) {
    parts.context.log(`${title} has a password already, perhaps of an erasure that was cut off: trying ours`);
    if (ata.isLocked) await security('--security-unlock');
    await security('--security-disable');
  }
  parts.progress(0, `ATA secure erase, about ${minutes} minutes by its own word`);
  await security('--security-set-pass');
  try {
    await security(ata?.isEnhanced === true ? '--security-erase-enhanced' : '--security-erase', timeoutMs);
  } catch (error) {
    if (await takesPasswordAway(parts.context.run, parts.disk, [...user, '--security-disable', ATA_PASSWORD])) throw error;
    throw fail('agent.disk_failed', {
      message: `${title}: the secure erase failed (${messageOf(error)}), and its password could not be taken away`,
      hint: `Take it away by hand: hdparm --user-master u --security-disable ${ATA_PASSWORD} and the disk's device`,
      cause: error,
    });
  }
}

/** Also when the agent ends: no signal. */
async function takesPasswordAway(run: CommandContext['run'], disk: NamedDisk, args: readonly string[]): Promise<boolean> {
  try {
    return (await run('hdparm', [...args, await disk.pathToChange()], { timeoutMs: 60_000 })).code === 0;
  } catch {
    return false; // the disk is not there any more, and another one is left alone
  }
}

/** Discarded, and zeroed by the disk where it does not read as zero then. */
async function discardAll({ disk, context, progress }: WayParts): Promise<void> {
  await disk.withDevice('writes', async (device) => {
    const steps = async (what: string, act: BlockDevice['discard']): Promise<void> => {
      for (let at = 0; at < device.size; at += DISCARD_STEP) {
        progress(at / device.size, what);
        await act(at, Math.min(DISCARD_STEP, device.size - at), context.signal);
      }
      await device.sync();
    };
    await steps('discards', device.discard);
    if (await readsZero(device)) return;
    context.log(`${device.path} does not read as zero after a discard: zeroes are written`);
    await steps('writes zeroes', device.zero);
  });
}

const SAMPLES = 64;
const SAMPLE_BYTES = 64 * 1024;

export function samplePlaces(size: number): number[] {
  const last = Math.max(0, size - SAMPLE_BYTES);
  const step = last / (SAMPLES - 1);
  return [...new Set(Array.from({ length: SAMPLES }, (_, index) => Math.floor((index * step) / 4096) * 4096))];
}

async function readsZero(device: BlockDevice): Promise<boolean> {
  for (const place of samplePlaces(device.size)) {
    if ((await device.read(place, SAMPLE_BYTES)).some((byte) => byte !== 0)) return false;
  }
  return true;
}

/** Chance first, zeroes last, read back whole where that was asked for. */
async function overwrite({ disk, context, passes, verify, progress }: WayParts): Promise<void> {
  await disk.withDevice('writes', async (device) => {
    const rounds = passes + (verify ? 1 : 0);
    for (let pass = 0; pass < passes; pass += 1) {
      const isLast = pass === passes - 1;
      const bytes = isLast ? Buffer.alloc(CHUNK) : Buffer.from(context.random.bytes(CHUNK));
      await eachChunk(device, context, async (at, length) => {
        progress((pass + at / device.size) / rounds, `pass ${pass + 1} of ${passes}`);
        await device.write(at, bytes.subarray(0, length));
      });
      await device.sync();
    }
    if (verify) await readBack(device, context, (share) => progress((passes + share) / rounds, 'reads back'));
  });
}

async function readBack(device: BlockDevice, context: WayParts['context'], progress: (share: number) => void): Promise<void> {
  const zeroes = Buffer.alloc(CHUNK);
  await eachChunk(device, context, async (at, length) => {
    progress(at / device.size);
    const bytes = await device.read(at, length);
    if (bytes.length !== length || bytes.compare(zeroes, 0, length) !== 0)
      throw fail('agent.disk_failed', { message: `${device.path} does not read as zero near byte ${at}, after it was overwritten` });
  });
}

/** Through the page cache, which is written out along the way. */
async function eachChunk(
  device: BlockDevice,
  { signal }: WayParts['context'],
  act: (at: number, length: number) => Promise<void>,
): Promise<void> {
  for (let at = 0, since = 0; at < device.size; at += CHUNK) {
    signal.throwIfAborted();
    const length = Math.min(CHUNK, device.size - at);
    await act(at, length);
    since += length;
    if (since < 256 * 2 ** 20) continue;
    // Errors of the disk show when the cache is written out: here, near their place, and the memory stays free.
    await device.sync();
    since = 0;
  }
}
