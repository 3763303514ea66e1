import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addFile, checkedOverlay } from '../../../../src/install/iso/add-file.ts';
import { type IsoEntry, openIso, openVolumes } from '../../../../src/install/iso/iso.ts';
import { type AddedFile, planOverlay } from '../../../../src/install/iso/overlay.ts';
import { compareIdentifiers } from '../../../../src/install/iso/overlay-decide.ts';
import { both32, decodeRecords } from '../../../../src/install/iso/record-codec.ts';
import { readOverlay } from '../../../../src/install/iso/sources.ts';
import { buildIso } from '../../../../src/install/iso-codec.ts';
import { RackseedError } from '../../../../src/lib/index.ts';
import { containing } from '../../../support/containing.ts';
import { seeded } from '../../net/mutate.ts';
import { damage, fixture, readsOfBytes, served, sourceOf } from './fixtures.ts';

const ADDED: AddedFile = { name: 'auto-installer-mode.toml', content: Buffer.from('mode = "http"\n'.repeat(200)) };

function plan(bytes: Buffer, added = ADDED) {
  return checkedOverlay(sourceOf(bytes), { name: 'test.iso', bytes: bytes.length }, added);
}

async function entries(bytes: Buffer, tree: 'rock-ridge' | 'joliet' | 'plain'): Promise<readonly IsoEntry[]> {
  const iso = await openIso(readsOfBytes(bytes).readAt, bytes.length, { tree });
  const found: IsoEntry[] = [];
  for await (const entry of iso.files()) found.push(entry);
  return found;
}

describe('an ISO with one more file', () => {
  for (const name of ['genisoimage', 'xorriso', 'full-root'] as const)
    it(`has it in every tree, and everything else where it was: ${name}`, async () => {
      const bytes = await fixture(name);
      const made = await plan(bytes);
      const after = await served(bytes, made);
      expect(after.length % 2048).toBe(0);
      for (const [tree, path] of [
        ['rock-ridge', '/auto-installer-mode.toml'],
        ['joliet', '/auto-installer-mode.toml'],
        ['plain', '/AUTO_INSTALLER_MODE.TOML'],
      ] as const) {
        const now = await entries(after, tree);
        expect(now.filter((entry) => entry.path !== path)).toEqual(await entries(bytes, tree));
        const iso = await openIso(readsOfBytes(after).readAt, after.length, { tree });
        expect(iso.volumeBytes).toBe(after.length);
        expect((await iso.read(path, 10_000)).equals(ADDED.content)).toBe(true);
      }
    });

  it('changes nothing of a roomy image but two sizes and two records', async () => {
    const bytes = await fixture('xorriso');
    const { patches, moved } = await plan(bytes);
    expect(moved).toEqual([]);
    const within = patches.filter(({ offset }) => offset < bytes.length);
    expect(within).toHaveLength(4);
    expect(within.reduce((sum, patch) => sum + patch.bytes.length, 0)).toBeLessThan(4096);
  });

  it('has its root directories behind the end where they have no room, and all that points to them points there', async () => {
    const bytes = await fixture('full-root');
    const made = await plan(bytes);
    expect(made.moved).toContain('rock-ridge');
    const after = await served(bytes, made);
    const root = after.readUInt32LE(16 * 2048 + 158);
    expect(root * 2048).toBeGreaterThanOrEqual(bytes.length);
    expect(after.readUInt32BE(16 * 2048 + 162)).toBe(root);
    const [little, big] = [after.readUInt32LE(16 * 2048 + 140), after.readUInt32BE(16 * 2048 + 148)];
    expect(after.readUInt32LE(little * 2048 + 2)).toBe(root);
    expect(after.readUInt32BE(big * 2048 + 2)).toBe(root);
    const directory = after.subarray(root * 2048, (root + 2) * 2048);
    const records = decodeRecords(directory);
    expect(records.slice(0, 2).map(({ sector, bytes: size }) => [sector, size])).toEqual(Array(2).fill([root, 4096]));
    const folders = records.slice(2).filter(({ flags }) => (flags & 2) !== 0);
    expect(folders.length).toBeGreaterThan(1);
    for (const { sector } of folders) expect(decodeRecords(after.subarray(sector * 2048, (sector + 1) * 2048))[1]?.sector).toBe(root);
    const sorted = records.slice(2).map(({ identifier }) => identifier);
    expect(sorted.toSorted((a, b) => compareIdentifiers(a, b, 'plain'))).toEqual(sorted);
  });

  it('begins behind padding that is no whole sector, with zeros between', async () => {
    const bytes = Buffer.concat([await fixture('xorriso'), Buffer.alloc(700, 0x55)]);
    const after = await served(bytes, await plan(bytes));
    expect(after.length % 2048).toBe(0);
    expect(after.subarray(bytes.length - 700, bytes.length).equals(Buffer.alloc(700, 0x55))).toBe(true);
    expect(after.subarray(bytes.length, bytes.length + 1348).equals(Buffer.alloc(1348))).toBe(true);
    expect(after.indexOf(ADDED.content)).toBe(bytes.length + 1348);
  });

  it('takes the way back of relocated directories along', async () => {
    const bytes = await fixture('full-root');
    const root = both32(bytes.readUInt32LE(16 * 2048 + 158));
    const parentLink = bytes.indexOf(Buffer.from([0x50, 0x4c, 12, 1]));
    root.copy(bytes, parentLink + 4);
    const after = await served(bytes, await plan(bytes));
    expect(after.subarray(parentLink + 4, parentLink + 12)).toEqual(both32(after.readUInt32LE(16 * 2048 + 158)));
    expect(after.subarray(parentLink + 4, parentLink + 12)).not.toEqual(root);
  });

  it('takes the place of a file of that name', async () => {
    const bytes = await fixture('genisoimage');
    const first = await served(bytes, await plan(bytes));
    const second = await served(first, await plan(first, { ...ADDED, content: Buffer.from('other') }));
    const iso = await openIso(readsOfBytes(second).readAt, second.length);
    expect((await iso.read('/auto-installer-mode.toml', 10)).toString()).toBe('other');
    expect(await entries(second, 'rock-ridge')).toHaveLength((await entries(first, 'rock-ridge')).length);
  });

  it('may have an empty one, and none where a directory has its name', async () => {
    const bytes = await fixture('xorriso');
    const after = await served(bytes, await plan(bytes, { name: 'empty', content: Buffer.alloc(0) }));
    expect(await (await openIso(readsOfBytes(after).readAt, after.length)).find('/empty')).toMatchObject({ kind: 'file', bytes: 0 });
    await expect(plan(bytes, { ...ADDED, name: 'boot' })).rejects.toMatchObject({
      code: 'install.iso_overlay_failed',
      message: 'test.iso: boot is a directory there',
      hint: containing('apt install xorriso'),
    });
  });

  it('without Rock Ridge has a plain name that Linux shows as it is wanted', async () => {
    const bytes = buildIso([{ path: 'boot/linux26', bytes: Buffer.from('k') }], { label: 'PVE', at: 0 });
    const after = await served(bytes, await plan(bytes));
    expect((await entries(after, 'plain')).map(({ path }) => path)).toContain('/AUTO-INSTALLER-MODE.TOML');
    expect((await entries(after, 'joliet')).map(({ path }) => path)).toContain('/auto-installer-mode.toml');
  });

  it('is not made when a path table is none', async () => {
    const bytes = await fixture('full-root');
    bytes.writeUInt32LE(40, 16 * 2048 + 140);
    await expect(plan(bytes)).rejects.toMatchObject({
      code: 'install.iso_overlay_failed',
      message: containing('no path table'),
    });
  });

  it('is read by ranges as it is as a whole', async () => {
    const bytes = await fixture('full-root');
    const made = await plan(bytes);
    const whole = await served(bytes, made);
    const random = seeded(1);
    for (let round = 0; round < 1000; round += 1) {
      const near = made.patches[Math.floor(random() * made.patches.length)]?.offset ?? 0;
      const from = Math.max(
        0,
        Math.min(whole.length - 1, Math.floor(random() < 0.5 ? random() * whole.length : near - 20 + random() * 40)),
      );
      const into = Buffer.alloc(Math.min(whole.length - from, Math.floor(random() * (round % 2 === 0 ? 40 : 9000))), 0xaa);
      await readOverlay(sourceOf(bytes), made, into, from);
      expect(into.equals(whole.subarray(from, from + into.length))).toBe(true);
    }
    await expect(readOverlay(sourceOf(bytes), made, Buffer.alloc(2), whole.length - 1)).rejects.toThrow(RangeError);
  });

  it('of a damaged image is right or refused', async () => {
    const random = seeded(2);
    const below = (limit: number): number => Math.floor(random() * limit);
    const pristine = await Promise.all((['genisoimage', 'full-root'] as const).map(fixture));
    let refused = 0;
    for (let round = 0; round < 150; round += 1) {
      const bytes = Buffer.from(pristine[round % 2] ?? []);
      damage(bytes, 1 + below(4), random);
      try {
        const made = await plan(bytes);
        await openVolumes(readsOfBytes(await served(bytes, made)).readAt, made.bytes, 'made');
      } catch (thrown) {
        if (!(thrown instanceof RackseedError)) throw thrown;
        expect(['install.bad_iso', 'install.iso_overlay_failed']).toContain(thrown.code);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(10);
    expect(refused).toBeLessThan(150);
  });
});

describe('an ISO file with one more file', () => {
  it('has a tag of its content, and does without what is gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rackseed-add-file-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'a.iso');
    const bytes = await fixture('xorriso');
    await writeFile(path, bytes);
    const file = { path, bytes: bytes.length, sha256: 'aa' };
    const [one, same, other, elsewhere] = [
      await addFile(file, ADDED),
      await addFile(file, ADDED),
      await addFile(file, { ...ADDED, content: Buffer.from('x') }),
      await addFile({ ...file, sha256: 'bb' }, ADDED),
    ];
    expect(same.tag).toBe(one.tag);
    expect(new Set([one.tag, other.tag, elsewhere.tag]).size).toBe(3);
    const source = await one.open();
    const into = Buffer.alloc(one.bytes);
    await source.read(into, 0);
    await source.close();
    expect(
      into.equals(
        await served(bytes, await planOverlay(await openVolumes(readsOfBytes(bytes).readAt, bytes.length, ''), bytes.length, ADDED)),
      ),
    ).toBe(true);
    await expect(addFile({ ...file, bytes: 5 }, ADDED)).rejects.toMatchObject({
      code: 'install.bad_iso',
      message: `${path} has ${bytes.length} bytes where 5 were promised`,
    });
    await rm(path);
    await expect(one.open()).rejects.toMatchObject({ code: 'install.bad_iso' });
  });
});
