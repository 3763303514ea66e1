import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { InstallProgress } from '../../../src/boot/decide/install-decide.ts';
import {
  type Boot,
  type BootFiles,
  type BootLoop,
  type BootOptions,
  type BootQuestion,
  compileScripts,
  createAttempts,
  createBoot,
  type EnrolmentState,
  NO_BOOT_FILES,
} from '../../../src/boot/index.ts';
import type { Found } from '../../../src/boot/situation.ts';
import { parseMac, silentLog } from '../../../src/lib/index.ts';
import type { Node } from '../../../src/nodes/index.ts';
import { nodeOfRow } from '../../../src/nodes/model.ts';
import type { ReasonInput } from '../../../src/store/index.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { structureOf } from '../../support/ipxe.ts';

const START = 1_700_000_000_000;
const mac = parseMac('52:54:00:00:00:01') ?? expect.unreachable();
const HERE = '10.0.0.1';
const file = (name: string) => [name, { name, path: `/x/${name}`, size: 1, sha256: 'x' }] as const;
const FILES: BootFiles = new Map(
  ['undionly.kpxe', 'snponly-x86_64.efi', 'shim-x86_64.efi', 'agent/vmlinuz-amd64', 'agent/initrd-amd64'].map(file),
);
const scripts = compileScripts((name) => readFileSync(new URL(`../../../templates/ipxe/${name}.ipxe`, import.meta.url), 'utf8'));

interface World {
  enrolment: EnrolmentState;
  found: Found;
  install: InstallProgress | null;
  /** What the record was told. */
  readonly told: string[];
  readonly boot: Boot;
  readonly clock: FakeClock;
  readonly reasons: ReasonInput[];
  readonly loops: BootLoop[];
}

function world(change: Partial<BootOptions> = {}): World {
  const clock = createFakeClock(START);
  const reasons: ReasonInput[] = [];
  const loops: BootLoop[] = [];
  const state = {
    enrolment: { mode: 'open', until: null, since: null } as EnrolmentState,
    found: { is: 'new' } as Found,
    install: null as InstallProgress | null,
    told: [] as string[],
    clock,
    reasons,
    loops,
  };
  const boot = createBoot({
    enrolment: { get: () => Promise.resolve(state.enrolment), set: () => expect.unreachable() },
    isObserveOnly: false,
    config: {
      boot: { uefi_loader: 'auto', own_disk: 'auto', model: [] },
      rule: [],
      enrol: { mode: 'closed', window_minutes: 60, wait_minutes: 10 },
    },
    findMachine: () => Promise.resolve(state.found),
    hardwareOf: () => Promise.resolve(null),
    deploysBy: ({ interfaces }) => interfaces.deploy ?? 'direct',
    issueSecret: () => Promise.resolve('c2VjcmV0'),
    files: FILES,
    scripts,
    attempts: createAttempts(clock),
    installs: {
      progress: () => Promise.resolve(state.install),
      begin: () => {
        if (state.install === null) return Promise.resolve(undefined);
        state.install = { ...state.install, stage: 'script', boots: state.install.boots + 1 };
        state.told.push(`boot ${state.install.boots}`);
        return Promise.resolve({ bootId: 'b'.repeat(22), title: 'Proxmox VE 9.1-1', bytes: 1_800_000_000, console: null });
      },
      started: (uuid) => void state.told.push(`started ${uuid}`),
      cameBack: (uuid, reason) => Promise.resolve(void state.told.push(`${uuid}: ${reason}`)),
    },
    reasons: { note: (reason) => reasons.push(reason), flush: () => Promise.resolve(), list: () => Promise.resolve([]) },
    onLoop: (loop) => loops.push(loop),
    clock,
    log: silentLog,
    site: {
      bootUrl: (address) => `http://${address}:6386`,
      apiUrl: (address) => `https://${address}:6385`,
      fingerprint: 'ab'.repeat(32),
      console: ['tty0'],
    },
    ...change,
  });
  return Object.assign(state, { boot });
}

const question = (change: Partial<BootQuestion> = {}): BootQuestion => ({
  mac,
  smbiosUuid: null,
  architecture: 7,
  kind: 'pxe',
  serverAddress: HERE,
  ...change,
});
const query = (change: Record<string, string> = {}): URLSearchParams =>
  new URLSearchParams({ mac, uuid: '', platform: 'efi', manufacturer: '', product: '', serial: '', ...change });
const known = (provisionState: Node['provisionState'], change: Partial<Node> = {}): Found => ({
  is: 'known',
  node: { ...NODE, provisionState, ...change },
});
const NODE: Node = nodeOfRow({
  uuid: '00000000-0000-4000-8000-000000000001',
  name: 'pve1',
  description: null,
  driver: 'manual-management',
  resource_class: null,
  provision_state: 'active',
  target_provision_state: null,
  provision_updated_at: null,
  power_state: null,
  target_power_state: null,
  maintenance: 0,
  maintenance_reason: null,
  fault: null,
  protected: 0,
  protected_reason: null,
  ignored: 0,
  last_error: null,
  properties: '{}',
  driver_info: '{}',
  driver_internal_info: '{}',
  instance_info: '{}',
  extra: '{}',
  instance_uuid: null,
  owner: null,
  lessee: null,
  smbios_uuid: null,
  smbios_serial: null,
  inspection_started_at: null,
  inspection_finished_at: null,
  chassis_uuid: null,
  conductor_group: '',
  shard: null,
  parent_node: null,
  retired: 0,
  retired_reason: null,
  automated_clean: null,
  disable_power_off: 0,
  observe_only: 0,
  console_enabled: 0,
  network_data: '{}',
  boot_mode: null,
  secure_boot: null,
  health: null,
  instance_name: null,
  allocation_uuid: null,
  raid_config: '{}',
  target_raid_config: '{}',
  clean_step: '{}',
  deploy_step: '{}',
  service_step: '{}',
  traits: '[]',
  interfaces: '{}',
  created_at: START,
  updated_at: START,
  version: 1,
});

let the: World;
beforeEach(() => {
  the = world();
});

describe('the offer', () => {
  it('names the loader to firmware, the script to iPXE, and nothing to a machine of its own', async () => {
    expect(await the.boot.offer(question())).toMatchObject({ fileName: 'snponly-x86_64.efi' });
    expect(await the.boot.offer(question({ kind: 'ipxe' }))).toMatchObject({ fileName: 'http://10.0.0.1:6386/boot/start.ipxe' });
    the.found = known('active');
    expect(await the.boot.offer(question())).toHaveProperty('silent');
    expect(await the.boot.offer(question({ mayTurnAway: true }))).toMatchObject({ fileName: 'nothing-to-boot-here' });
  });

  it('tells DHCP that gives no addresses whether a machine may be turned away, which is no attempt to boot', async () => {
    const the = world();
    const { serverAddress: _, ...asking } = question();
    for (let times = 0; times < 5; times += 1) expect(await the.boot.turnAway(asking)).toEqual({ silent: containing('it may boot here') });
    expect(the.loops).toEqual([]);
    expect(await the.boot.offer(question())).toMatchObject({ fileName: 'snponly-x86_64.efi' });
    the.enrolment = { mode: 'closed', until: null, since: null };
    expect(await the.boot.turnAway(asking)).toEqual({ nothing: containing('unknown machine, and enrolment is closed') });
  });

  it('says how long the machine has looked already when it gets nothing', async () => {
    const it = world();
    it.enrolment = { mode: 'closed', until: null, since: null };
    const first = await it.boot.offer(question());
    await it.clock.advance(61_000);
    const second = await it.boot.offer(question());
    expect([first, second]).toEqual([
      { silent: expect.not.stringContaining('first question') as unknown },
      { silent: containing('(61 s after its first question)') },
    ]);
  });

  it('never names a file that is served to turn a machine away', () => expect(FILES.has('nothing-to-boot-here')).toBe(false));

  it('goes from iPXE to shim to the script to silence when nothing ever speaks, with one event', async () => {
    const names: unknown[] = [];
    for (let transaction = 1; transaction <= 5; transaction += 1) {
      const discover = await the.boot.offer(question({ transaction }));
      const request = await the.boot.offer(question({ transaction, isRequest: true }));
      expect(request).toEqual(discover);
      names.push('silent' in discover ? 'silent' : discover.fileName);
      await the.clock.advance(5000);
    }
    expect(names).toEqual(['snponly-x86_64.efi', 'shim-x86_64.efi', 'http://10.0.0.1:6386/boot/start.ipxe', 'silent', 'silent']);
    expect(the.loops).toHaveLength(1);
    expect(the.reasons.filter((one) => one.decision === 'loop')).toHaveLength(1);
    await the.clock.advance(60_000);
    expect(await the.boot.offer(question({ transaction: 9 }))).toMatchObject({ fileName: 'snponly-x86_64.efi' });
  });

  it('stays with shim on a machine where GRUB asked for its configuration', async () => {
    await the.boot.machineBoot(new URLSearchParams({ mac, uuid: '' }), HERE);
    expect(await the.boot.offer(question())).toMatchObject({ fileName: 'shim-x86_64.efi' });
  });

  it('is a loader for a machine that a rule may fit, until iPXE has told what it is', async () => {
    const rule = [{ name: 'dells', match: { manufacturer: 'Dell*' }, profile: 'p', auto_approve: false, overwrite_filesystems: false }];
    the = world({
      config: {
        boot: { uefi_loader: 'auto', own_disk: 'auto', model: [] },
        rule,
        enrol: { mode: 'closed', window_minutes: 1, wait_minutes: 1 },
      },
    });
    the.enrolment = { mode: 'closed', until: null, since: null };
    expect(await the.boot.offer(question())).toMatchObject({ fileName: 'snponly-x86_64.efi' });
    expect(await the.boot.machineBoot(query({ manufacturer: 'HP' }), HERE)).toMatchObject({ run: 'own-disk' });
    expect(await the.boot.offer(question())).toHaveProperty('silent');
    expect(await the.boot.machineBoot(query({ manufacturer: 'Dell Inc.' }), HERE)).toMatchObject({ run: 'agent' });
  });
});

describe('the script of a machine', () => {
  it('boots the agent with a secret of its own, and the reason is kept', async () => {
    expect(await the.boot.machineScript(query(), HERE)).toContain('rackseed.secret=c2VjcmV0');
    expect(the.reasons).toEqual([
      { subject: `mac:${mac}`, area: 'boot', decision: 'script: agent', reason: 'unknown machine, and enrolment is open' },
    ]);
  });

  it('has no agent for another processor than its own, says so, and starts the disk', async () => {
    const { boot, reasons } = world();
    const answer = await boot.machineBoot(query({ arch: 'arm64' }), HERE);
    expect(answer.run).toBe('own-disk');
    expect(reasons.at(-1)?.reason).toContain('there is no agent for arm64 machines');
    expect((await boot.machineBoot(query({ arch: 'x86_64' }), HERE)).run).toBe('agent');
  });

  it('gives no secret to a machine that does not boot the agent', async () => {
    the = world({ issueSecret: () => expect.unreachable() });
    the.found = known('active');
    expect(await the.boot.machineScript(query(), HERE)).toContain('pve1 (52:54:00:00:00:01)');
  });

  it('sends a machine in enroll to its disk when it has waited ten minutes, and to the agent when enrolment is opened again', async () => {
    the.found = known('enroll');
    const runs = async (): Promise<string> => (await the.boot.machineBoot(query(), HERE)).run;
    await the.clock.advance(9 * 60_000);
    expect(await runs()).toBe('agent');
    await the.clock.advance(60_000);
    expect(await runs()).toBe('own-disk');
    the.enrolment = { mode: 'open', until: null, since: the.clock.now() };
    expect(await runs()).toBe('agent');
  });

  it('holds a machine that comes back a third time within a minute, tells it once, and lets it try again', async () => {
    const runs: string[] = [];
    for (let time = 0; time < 3; time += 1) runs.push((await the.boot.machineBoot(query(), HERE)).run);
    expect(runs).toEqual(['agent', 'agent', 'hold']);
    expect(the.loops).toEqual([{ mac, nodeUuid: null, message: expect.stringContaining('3 times within a minute') as string }]);
    await the.clock.advance(60_000);
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'agent' });
  });

  it('lets a machine with four network entries come to its disk through each of them', async () => {
    the.found = known('active');
    const runs: string[] = [];
    for (let time = 0; time < 6; time += 1) runs.push((await the.boot.machineBoot(query(), HERE)).run);
    expect(runs).toEqual([...Array.from({ length: 5 }, () => 'own-disk'), 'hold']);
  });

  const installing = (change: Partial<Node> = {}): Found =>
    known('wait call-back', { interfaces: { deploy: 'proxmox' }, driverInternalInfo: { boots_own_disk: true }, ...change });

  it('boots the agent before an installer, holds where nothing is prepared, and starts the disk when the installer has reported', async () => {
    the.found = installing({ driverInternalInfo: {} });
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'agent', agent: { otherwise: 'hold' } });
    the.found = installing();
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'hold' });
    the.install = { stage: 'installed', boots: 1, failure: null };
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'own-disk' });
    expect(the.told).toEqual([]);
  });

  it('counts each boot of an installer before its script goes out, sends no fourth, and tells the record that the machine came back', async () => {
    the.found = installing();
    the.install = { stage: 'armed', boots: 0, failure: null };
    const runs: string[] = [];
    for (let time = 0; time < 4; time += 1) {
      runs.push((await the.boot.machineBoot(query(), HERE)).run);
      the.install = { ...the.install, stage: 'kernel' };
      await the.clock.advance(300_000);
    }
    expect(runs).toEqual(['installer', 'installer', 'installer', 'hold']);
    expect(the.told).toEqual(['boot 1', 'boot 2', 'boot 3', expect.stringContaining('booted 3 times') as string]);
    expect(the.reasons.at(-1)?.reason).toContain('never asked for its answer');
  });

  it('tells who keeps boot orders that a machine came by on the way to its own system, and of no other', async () => {
    the.found = known('active');
    await the.boot.machineBoot(query(), HERE);
    await the.clock.advance(60_000);
    for (const found of [known('available'), known('clean wait'), { is: 'new' } as const]) {
      the.found = found;
      await the.boot.machineBoot(query(), HERE);
    }
    expect(the.told).toEqual([expect.stringMatching(/^started /)]);
  });

  it('lets a machine rest whose installer did not stay, without a boot of it being counted', async () => {
    the.found = installing();
    the.install = { stage: 'armed', boots: 0, failure: null };
    const runs: string[] = [];
    for (let time = 0; time < 3; time += 1) runs.push((await the.boot.machineBoot(query(), HERE)).run);
    expect(runs).toEqual(['installer', 'installer', 'hold']);
    expect(the.told).toEqual(['boot 1', 'boot 2']);
    expect(the.loops[0]?.message).toContain('its installer, which did not stay');
  });

  it('sends no installer to GRUB, which cannot load it, and says how to go on', async () => {
    the.found = installing();
    the.install = { stage: 'armed', boots: 0, failure: null };
    const asked = new URLSearchParams({ mac, uuid: '' });
    expect(await the.boot.machineBoot(asked, HERE)).toMatchObject({
      run: 'hold',
      message: { reason: containing('switch Secure Boot off') },
    });
    expect(the.told).toEqual([]);
  });

  it('boots the agent for a deployment that is the agent’s, and its own disk once the agent has left it', async () => {
    the.found = known('wait call-back');
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'agent' });
    the.found = known('wait call-back', { driverInternalInfo: { boots_own_disk: true } });
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'own-disk' });
  });

  it('holds a node that is being replaced, whatever its state', async () => {
    the.found = known('active', { driverInternalInfo: { boot_hold: 'it is being replaced' } });
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({
      run: 'hold',
      message: { reason: 'pve1 is held: it is being replaced' },
    });
  });

  it('takes a node to its disk in the way that its driver_info says', async () => {
    the.found = known('active', { driverInfo: { own_disk: 'chain', own_disk_path: '\\EFI\\me\\a.efi' } });
    expect(await the.boot.machineScript(query(), HERE)).toContain('--filename \\EFI\\me\\a.efi ||');
    expect(await the.boot.offer(question())).toMatchObject({ fileName: 'snponly-x86_64.efi' });
  });

  it('waits in the cleaning of a node when the agent is not there, and says that disks are erased when it is', async () => {
    the.found = known('cleaning');
    expect(await the.boot.machineScript(query(), HERE)).toContain('echo The disks of its wipe plan are erased.');
    the = world({ files: NO_BOOT_FILES });
    the.found = known('cleaning');
    expect(await the.boot.machineBoot(query(), HERE)).toMatchObject({ run: 'hold' });
  });

  it('keeps its structure whatever the machine says of itself', async () => {
    the.found = known('active');
    const plain = structureOf(await the.boot.machineScript(query(), HERE));
    for (const hostile of ['x\nshell', 'a || shell', 'a && shell', '; shell', `$${'{uuid}'}`, '\0', 'x'.repeat(1_000_000)]) {
      the = world();
      the.found = known('active');
      const script = await the.boot.machineScript(
        query({ manufacturer: hostile, product: hostile, serial: hostile, platform: 'efi', uuid: hostile }),
        HERE,
      );
      expect(structureOf(script)).toEqual(plain);
    }
  });
});
