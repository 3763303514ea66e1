// What a machine says of its pools and disks, by its own programs. Changes nothing.

import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { type Disk, LSBLK, readDisks } from './disks-codec.ts';
import { type Pool, readPoolJson, readPoolText } from './pool-codec.ts';

type Hands = Pick<StepContext, 'shell'>;

const IDS = `# the names of disks by identity
for one in /dev/disk/by-id/*; do
  if [ -e "$one" ]; then printf '%s\\t%s\\n' "$(readlink -f -- "$one")" "$one"; fi
done`;

/** zpool's own exit code for options that it does not know. */
const USAGE = 2;

export async function lookAtDisks({ shell }: Hands): Promise<Disk[]> {
  const json = await shell.must(LSBLK);
  return readDisks(json, (await shell.script(IDS, [])).out);
}

/** Undefined: no pool of that name is imported. */
export async function lookAtPool({ shell }: Hands, name: string): Promise<Pool | undefined> {
  const json = await shell.run(['zpool', 'status', '-j', '-P', '-p', name]);
  if (json.code === 0) return readPoolJson(json.out, name);
  const isOlder = json.code === USAGE;
  const { code, out, err } = isOlder ? await shell.run(['zpool', 'status', '-P', name]) : json;
  if (code === 0) return readPoolText(out, name);
  if (/no such pool|no pools available/.test(`${out}${err}`)) return undefined;
  throw fail('pipeline.step_failed', {
    message: `zpool status ${name}: ${err.trim().slice(-300) || `it ended with ${code}`}`,
    hint:
      code === 127 ? 'ZFS is not installed there: put zfsutils-linux into the step packages.' : 'Does `zpool status` work on the machine?',
  });
}

/** Signatures of all kinds, as wipefs finds them now; the device is not written to. */
export async function signaturesOn({ shell }: Hands, device: string): Promise<string[]> {
  const out = await shell.must(['wipefs', '--noheadings', '--output', 'TYPE', device]);
  return out.split('\n').flatMap((line) => line.trim() || []);
}

/** The disk that a path of a pool leads to now. */
export function diskOfPath(disks: readonly Disk[], path: string): { readonly disk: Disk; readonly part: number | null } | undefined {
  for (const disk of disks) {
    const part = disk.parts.find(
      (one) => one.path === path || (one.number !== null && disk.ids.some((id) => `${id}-part${one.number}` === path)),
    );
    if (part !== undefined) return { disk, part: part.number };
    if (disk.path === path || disk.ids.includes(path)) return { disk, part: null };
  }
  return undefined;
}
