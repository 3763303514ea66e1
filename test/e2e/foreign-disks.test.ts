// A machine full of other people's data: ZFS, Ceph, software raid, LVM and an installed Proxmox VE, a disk each. All are named by what is on
// them and refused, also to a rule that says yes by itself; a person's yes to one serial number erases that disk and no other.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LabConfig, type MachineSpec, renderLabConfig } from '../../src/lab/index.ts';
import { containing } from '../support/containing.ts';
import { blankDisk, lookAt, MIB, mdMember, proxmoxDisk, put, recorded, zfsMember } from '../support/disk-images.ts';
import { standUp, type TestLab, until } from './lab.ts';
import { discovered, miniPc } from './machine.ts';

const LIMIT_MS = 5 * 60_000;
const SIZE = 256 * MIB;

let lab: TestLab;
let scratch: string;
let spec: MachineSpec;
/** By what is on them, in the order of their serial numbers from 1 on. */
const files: string[] = [];

const config = (one: LabConfig): string => `${renderLabConfig(one)}
[[profile]]
name = "pve"
os = "proxmox"
answer_template = "zfs-mirror"
wipe = "all"

[[rule]]
name = "lab"
match = { manufacturer = "Rackseed" }
profile = "pve"
name_pattern = "pve{n}"
auto_approve = true
overwrite_filesystems = true
`;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'rackseed-foreign-'));
  const disk = async (name: string, pieces: Parameters<typeof put>[1]): Promise<void> => {
    const path = await blankDisk(join(scratch, name), SIZE);
    await put(path, pieces);
    files.push(path);
  };
  await disk('zfs', await zfsMember(0, SIZE));
  await disk('ceph', [{ at: 0, bytes: await recorded('bluestore-label') }]);
  await disk('md', mdMember('nas:backup'));
  await disk('lvm', [{ at: 0, bytes: Buffer.from((await recorded('lvm-pv')).toString('latin1').replaceAll('pve', 'vg0'), 'latin1') }]);
  files.push(await proxmoxDisk(join(scratch, 'proxmox')));
  const [first = '', ...others] = files;
  const disks = [{ bus: 'nvme', file: first } as const, ...others.map((file) => ({ bus: 'sata', file }) as const)];
  spec = miniPc('bios', 1, { diskGb: 8, disks, reboots: true });
  lab = await standUp('foreign-disks', { openEnrolment: false, config });
});
afterAll(async () => {
  await lab.client.close();
  await lab.end();
  await rm(scratch, { recursive: true });
});

interface Plan {
  readonly hash: string;
  readonly refused: readonly { readonly title: string; readonly about: string; readonly why: string; readonly name: string | null }[];
  readonly erased: readonly { readonly title: string }[];
}

const serial = (number: number): string => `LAB-${spec.name.toUpperCase()}-${number}`;

function digests(): Promise<string[]> {
  return Promise.all(
    files.map(async (file) =>
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    ),
  );
}

describe('disks that hold what others may miss', { timeout: 3 * LIMIT_MS }, () => {
  it('are named and refused, and erased only by a yes to their own serial number', async () => {
    const before = await digests();
    const { serialLog } = await lab.lab.startMachine(spec);
    const { uuid } = await discovered(lab, spec, serialLog);

    const plan = await until(
      'plan',
      async () => ((await lab.client.get(`/api/nodes/${uuid}/wipe-plan`)) as { plan: Plan | null }).plan ?? undefined,
      LIMIT_MS,
    );
    expect(plan.erased.map(({ title }) => title)).toEqual([containing(serial(0))]);
    expect(plan.refused.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))).toMatchObject([
      { name: serial(1), about: containing('rpool') },
      { name: serial(2), about: containing('Ceph: OSD 3 of cluster') },
      { name: serial(3), about: containing('nas:backup') },
      { name: serial(4), about: containing('vg0') },
      { name: serial(5), about: containing('Proxmox VE on ZFS pool rpool') },
    ]);
    const { nodes } = (await lab.client.get('/api/nodes')) as { nodes: { provisionState: string }[] };
    expect(nodes).toMatchObject([{ provisionState: 'enroll' }]);

    await lab.client.send('POST', `/api/nodes/${uuid}/approve`, { planHash: plan.hash, wipeSerials: [serial(3)] });
    await until(
      'machine that is taken in',
      async () => {
        const { state, reason } = (await lab.client.get(`/api/nodes/${uuid}/wipe-plan`)) as { state: string; reason: string };
        if (state === 'failed') throw new Error(reason);
        return state === 'done' || undefined;
      },
      LIMIT_MS,
    );
    await lab.lab.stopMachine(spec.name);

    const after = await digests();
    expect(after.map((digest, index) => (digest === before[index] ? 'as before' : 'changed'))).toEqual([
      'as before',
      'as before',
      'changed',
      'as before',
      'as before',
    ]);
    expect(await lookAt(files[2] ?? '')).toMatchObject({ signatures: [], table: null, isBlank: true });
  });
});
