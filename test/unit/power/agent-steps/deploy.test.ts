import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../../src/lib/index.ts';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { agentDeploys } from '../../../../src/power/agent-steps/deploy.ts';
import { NO_IMAGES } from '../../../../src/power/agent-steps/images.ts';
import type { AgentWord, Driver, StepOutcome, StepRun, Target } from '../../../../src/power/index.ts';
import { playedDesk } from '../../../support/desk.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const UUID = '4c4c4544-0042-3510-8051-b4c04f4d3232';
const SHA = `sha256:${'ab'.repeat(32)}`;
const IMAGE = { image_source: 'http://images/a.qcow2', image_checksum: 'ab'.repeat(32) };
const GIB = 2 ** 30;

const seen = (serial: string, gib: number, more: JsonObject = {}): JsonObject => ({
  name: `/dev/${serial}`,
  model: 'Disk',
  vendor: null,
  serial,
  wwn: null,
  wwn_with_extension: null,
  wwn_vendor_extension: null,
  hctl: null,
  by_path: null,
  size: gib * GIB,
  rotational: false,
  removable: false,
  read_only: false,
  ...more,
});
const planned = (serial: string, gib: number, expects: string[] | null = null): JsonObject => ({
  serial,
  wwn: null,
  size: gib * GIB,
  byPath: null,
  expects,
  title: serial,
});

/** Of a disk that an order names. */
function titleIn(disk: unknown): string {
  return typeof disk === 'object' && disk !== null && 'title' in disk ? String(disk.title) : '';
}

function setUp(contents: JsonObject[] = []) {
  const desk = playedDesk(createFakeClock());
  desk.report(UUID, {
    inventory: { disks: [seen('one', 100), seen('two', 50)] },
    pluginData: { disk_contents: contents },
  });
  const images = {
    ...NO_IMAGES,
    refusal: (path: string) => (path === '/srv/a.raw' ? null : `not ${path}`),
    describe: () => Promise.resolve({ checksum: SHA, bytes: 7 }),
  };
  const [direct, custom] = agentDeploys({ desk, images, cleaning: 'express' });
  if (direct === undefined || custom === undefined) throw new Error('two drivers');
  return { desk, direct, custom };
}

const target = (instanceInfo: JsonObject, properties: JsonObject = {}, internalInfo: JsonObject = {}): Target => ({
  uuid: UUID,
  name: 'pve1',
  driver: 'generic',
  macs: [],
  driverInfo: {},
  properties,
  instanceInfo,
  internalInfo,
  recorded: { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} },
});

const run = (index: number, args: JsonObject = {}): StepRun & { readonly word: AgentWord } => ({
  key: `task-1:${index}`,
  args,
  isResumed: false,
  signal: new AbortController().signal,
  log: silentLog,
  progress: () => undefined,
  word: { status: 'end' },
});

async function step(driver: Driver, name: string, to: Target, how: ReturnType<typeof run>): Promise<StepOutcome | undefined> {
  const found = driver.steps?.find((one) => one.step === name);
  if (found === undefined) throw new Error(`no step ${name}`);
  return driver.runStep?.(found, to, how);
}

async function goOn(driver: Driver, name: string, to: Target, how: ReturnType<typeof run>): Promise<StepOutcome | undefined> {
  const found = driver.steps?.find((one) => one.step === name);
  return found && driver.continueStep?.(found, to, how);
}

describe('deploy=direct', () => {
  it('says what an image lacks, in words that clients of Ironic know, and cleans without one', () => {
    const { direct } = setUp();
    expect(direct.refusal(target({}))).toContain("Missing are: ['image_source']");
    expect(direct.refusal(target({ image_source: 'http://x/y' }))).toContain("Missing are: ['image_checksum']");
    expect(direct.refusal(target({ image_source: 'file:///etc/shadow' }))).toBe('not /etc/shadow');
    expect(direct.refusal(target({ image_source: 'file:///srv/a.raw' }))).toBeNull();
    expect(direct.refusal(target(IMAGE, { root_device: { colour: 'red' } }))).toContain('the hint colour');
    expect(direct.refusal(target({ ...IMAGE, first_boot: true, configdrive: 'H4sI' }))).toContain('give its parts');
    expect(direct.refusal(target(IMAGE))).toBeNull();
    const clean = direct.steps?.find((one) => one.step === 'erase_devices_metadata');
    expect(clean && direct.stepRefusal?.(clean, target({}))).toBeNull();
  });

  it('has the steps of Ironic, and their priorities', () => {
    const { direct, custom } = setUp();
    const of = (driver: Driver, kind: string) =>
      driver.steps?.filter((one) => one.kind === kind).map((one) => `${one.step} ${one.priority}`);
    expect(of(direct, 'deploy')).toEqual([
      'write_image 80',
      'write_configdrive 70',
      'prepare_instance_boot 60',
      'tear_down_agent 40',
      'boot_instance 20',
      'wait_for_first_boot 10',
    ]);
    expect(of(direct, 'clean')).toEqual([
      'erase_devices_metadata 99',
      'erase_devices 0',
      'erase_devices_express 10',
      'burnin_cpu 0',
      'burnin_memory 0',
      'burnin_disk 0',
      'burnin_network 0',
    ]);
    expect(of(direct, 'service')).toEqual(['burnin_cpu 0', 'burnin_memory 0', 'burnin_disk 0', 'burnin_network 0']);
    expect(of(custom, 'deploy')?.slice(0, 2)).toEqual(['write_image 0', 'write_configdrive 0']);
  });

  it('writes the image to the disk of the plan, and goes on when the agent has', async () => {
    const { desk, direct } = setUp();
    const how = run(0, { disks: [planned('two', 50)] });
    expect(await step(direct, 'write_image', target(IMAGE), how)).toBe('wait');
    expect(desk.placed).toEqual([
      expect.objectContaining({
        key: 'task-1:0',
        name: 'write_image',
        args: {
          disk: expect.objectContaining({ serial: 'two', size: 50 * GIB, expects: null }) as unknown,
          url: IMAGE.image_source,
          checksum: SHA,
          isAppliance: false,
          format: 'auto',
          compression: 'auto',
          grow: true,
        },
      }),
    ]);
    desk.give(UUID);
    expect(await goOn(direct, 'write_image', target(IMAGE), how)).toBe('wait');
    const result = { disk: titleIn(desk.placed[0]?.args.disk), on: { serial: 'two', wwn: null, size: 50 * GIB, byPath: null } };
    desk.settle(UUID, how.key, { state: 'done', message: '', result });
    expect(await goOn(direct, 'write_image', target(IMAGE), how)).toEqual({ result, wrote: [0] });
  });

  it('gives a file of the appliance with the checksum that the appliance computed', async () => {
    const { desk, direct } = setUp();
    await step(direct, 'write_image', target({ image_source: 'file:///srv/a.raw' }), run(0, { disks: [planned('two', 50)] }));
    expect(desk.placed[0]?.args).toMatchObject({ url: '/api/agent/image', isAppliance: true, checksum: SHA });
    const other = target({ image_source: 'file:///srv/a.raw', image_checksum: 'cd'.repeat(32) });
    await expect(step(direct, 'write_image', other, run(1, { disks: [planned('two', 50)] }))).rejects.toThrow('should have');
  });

  it('has the agent compare a checksum of a file of the appliance that is of another algorithm', async () => {
    const { desk, direct } = setUp();
    const info = { image_source: 'file:///srv/a.raw', image_os_hash_algo: 'sha512', image_os_hash_value: 'ef'.repeat(64) };
    await step(direct, 'write_image', target(info), run(0, { disks: [planned('two', 50)] }));
    expect(desk.placed[0]?.args).toMatchObject({ isAppliance: true, checksum: `sha512:${'ef'.repeat(64)}` });
  });

  it('writes to no disk beyond the plan unless it is blank', async () => {
    const { direct } = setUp();
    await expect(step(direct, 'write_image', target(IMAGE), run(0, { disks: [] }))).rejects.toThrow(
      /not among the disks of the approved wipe plan/,
    );
    const hinted = target(IMAGE, { root_device: { serial: 'one' } });
    await expect(step(direct, 'write_image', hinted, run(0, { disks: [planned('two', 50)] }))).rejects.toThrow(/serial one.*not among/);
    const blank = setUp([{ name: '/dev/two', isBlank: true, unread: null, table: null, partitions: [], signatures: [], system: null }]);
    expect(await step(blank.direct, 'write_image', target(IMAGE), run(0, { disks: [] }))).toBe('wait');
    expect(blank.desk.placed[0]?.args.disk).toMatchObject({ serial: 'two', expects: [] });
  });

  it('goes on with the disk that it wrote, also when that was in no plan', async () => {
    const { desk, direct } = setUp([{ name: '/dev/two', isBlank: true, unread: null }]);
    await step(direct, 'write_image', target(IMAGE), run(0, { disks: [] }));
    const disk = desk.placed.map(({ args }) => args.disk as JsonObject)[0]; // a ref, as above
    desk.settle(UUID, 'task-1:0', { state: 'done', message: '', result: { disk: disk?.title ?? '' } });
    desk.report(UUID, {
      inventory: { disks: [seen('one', 100), seen('two', 50), seen('new', 20)] },
      pluginData: { disk_contents: [{ name: '/dev/two', isBlank: false, unread: null, table: 'gpt' }] },
    });
    await step(direct, 'write_configdrive', target({ ...IMAGE, configdrive: {} }), run(1, { disks: [] }));
    expect(desk.placed[1]?.args).toMatchObject({ disk: { serial: 'two', expects: null }, path: '/api/agent/configdrive' });
    await step(direct, 'prepare_instance_boot', target(IMAGE), run(2));
    expect(desk.placed[2]).toMatchObject({ name: 'install_boot', args: { disk: { serial: 'two' }, order: 'network-first' } });
    await step(direct, 'boot_instance', target(IMAGE), run(4));
    expect(desk.placed[3]).toMatchObject({ name: 'boot_disk', args: { disk: { serial: 'two' }, how: 'reboot' } });
  });

  it('fails with what the agent says, and when nobody knows the disks', async () => {
    const { desk, direct } = setUp();
    const how = run(0, { disks: [planned('two', 50)] });
    await step(direct, 'write_image', target(IMAGE), how);
    desk.settle(UUID, how.key, { state: 'failed', message: 'the image is not what was expected' });
    await expect(goOn(direct, 'write_image', target(IMAGE), how)).rejects.toThrow('the image is not what was expected');
    desk.report(UUID, null);
    await expect(step(direct, 'write_image', target(IMAGE), run(1))).rejects.toThrow('its disks are not known');
  });

  it('writes a config drive only where there is one, or a first boot to be told of', async () => {
    const { desk, direct } = setUp();
    expect(await step(direct, 'write_configdrive', target(IMAGE), run(1))).toEqual({ wrote: [] });
    expect(desk.placed).toEqual([]);
    await step(direct, 'write_configdrive', target({ ...IMAGE, first_boot: true }), run(1, { disks: [planned('two', 50)] }));
    expect(desk.placed).toHaveLength(1);
  });

  it('waits for the first boot only where that was asked for, until it was told', async () => {
    const { direct } = setUp();
    expect(await step(direct, 'wait_for_first_boot', target(IMAGE), run(5))).toEqual({});
    const asked = target({ ...IMAGE, first_boot: true });
    expect(await step(direct, 'wait_for_first_boot', asked, run(5))).toBe('wait');
    expect(await goOn(direct, 'wait_for_first_boot', asked, run(5))).toBe('wait');
    const told = target({ ...IMAGE, first_boot: true }, {}, { first_boot: { reported_at: 5 } });
    expect(await goOn(direct, 'wait_for_first_boot', told, run(5))).toEqual({});
  });
});

describe('cleaning by the agent', () => {
  it('erases the disks that it is given, by the method of the step', async () => {
    const { desk, direct } = setUp();
    const disks = [planned('one', 100, ['table gpt']), planned('two', 50)];
    expect(await step(direct, 'erase_devices_metadata', target({}), run(0, { disks }))).toBe('wait');
    await step(direct, 'erase_devices_express', target({}), run(1, { disks }));
    await step(direct, 'erase_devices', target({}), run(2, { disks, method: 'overwrite', passes: 2 }));
    expect(desk.placed.map(({ name, args }) => [name, args.method, args.passes, args.disks])).toEqual([
      ['erase_metadata', undefined, undefined, disks],
      ['erase_disks', 'express', 1, disks],
      ['erase_disks', 'overwrite', 2, disks],
    ]);
  });

  it('erases nothing where no disks are given', async () => {
    const { desk, direct } = setUp();
    expect(await step(direct, 'erase_devices', target({}), run(0, { disks: [] }))).toEqual({});
    expect(desk.placed).toEqual([]);
  });
});
