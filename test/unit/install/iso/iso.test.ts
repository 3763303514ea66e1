import { describe, expect, it } from 'vitest';
import { type Iso, type IsoOptions, openIso } from '../../../../src/install/iso/iso.ts';
import { decodeRecords } from '../../../../src/install/iso/record-codec.ts';
import { buildIso } from '../../../../src/install/iso-codec.ts';
import { RackseedError } from '../../../../src/lib/index.ts';
import { containing } from '../../../support/containing.ts';
import { seeded } from '../../net/mutate.ts';
import { damage, fixture, readsOfBytes } from './fixtures.ts';

const LONG = 'n'.repeat(240);

function open(bytes: Buffer, options: IsoOptions = {}): Promise<Iso> {
  return openIso(readsOfBytes(bytes).readAt, bytes.length, { name: 'test.iso', ...options });
}

async function paths(iso: Iso): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of iso.files()) found.push(path);
  return found;
}

describe('an ISO image', () => {
  for (const name of ['genisoimage', 'xorriso'] as const)
    it(`has the names, links and depths of Rock Ridge, as ${name} wrote them`, async () => {
      const iso = await open(await fixture(name));
      expect(iso).toMatchObject({ volumeId: 'TEST_1', tree: 'rock-ridge', trees: ['rock-ridge', 'joliet', 'plain'] });
      expect(iso.volumeUuid).toMatch(/^2026\d{12}$/);
      expect(await paths(iso)).toEqual(expect.arrayContaining(['/.cd-info', '/boot/linux26', '/a/b/c/d/e/f/g/h/leaf.txt', `/${LONG}`]));
      expect(await iso.find('/link')).toMatchObject({ kind: 'link', target: 'boot/linux26' });
      expect(await iso.find('/up')).toMatchObject({ kind: 'link', target: '../../x' });
      expect(await iso.find('/root-link')).toMatchObject({ kind: 'link', target: '/etc/x' });
      expect(await iso.find('boot/empty')).toMatchObject({ path: '/boot/empty', kind: 'file', bytes: 0, extents: [] });
      expect(await iso.find('/boot')).toMatchObject({ kind: 'directory' });
      expect(await iso.find('/boot/none')).toBeUndefined();
      expect(await iso.find('/.cd-info/none')).toBeUndefined();
      expect((await iso.read('/a/b/c/d/e/f/g/h/leaf.txt', 100)).toString()).toBe('leaf\n');
      expect((await iso.read(`/${LONG}`, 100)).toString()).toBe('long\n');
    });

  it('has Joliet names where they are asked for, and those of the standard without versions and in any case', async () => {
    const bytes = await fixture('genisoimage');
    expect(await paths(await open(bytes, { tree: 'joliet' }))).toContain('/a/b/c/d/e/f/g/h/leaf.txt');
    const plain = await open(bytes, { tree: 'plain' });
    expect(await paths(plain)).toContain('/_CD_INFO');
    expect((await plain.read('/_cd_info', 100)).toString()).toBe("PRODUCT='pve'\n");
  });

  it('without Rock Ridge is read by its Joliet names, as Linux does', async () => {
    const bytes = buildIso([{ path: 'a b/c', bytes: Buffer.from('c') }], { label: 'CIDATA', at: 0 });
    const iso = await open(bytes);
    expect(iso).toMatchObject({ tree: 'joliet', volumeId: 'CIDATA' });
    expect((await iso.read('/a b/c', 1)).toString()).toBe('c');
    await expect(open(bytes, { tree: 'rock-ridge' })).rejects.toMatchObject({ code: 'install.bad_iso' });
  });

  it('gives no more than what was asked for at most, and no directories', async () => {
    const iso = await open(await fixture('xorriso'));
    await expect(iso.read('/boot/linux26', 4999)).rejects.toMatchObject({
      code: 'install.bad_iso',
      message: 'test.iso: /boot/linux26 has 5000 bytes, more than the 4999 that it may have',
    });
    await expect(iso.read('/boot', 5000)).rejects.toMatchObject({ message: 'test.iso: /boot is a directory, not a file' });
    await expect(iso.read('/none', 5000)).rejects.toMatchObject({ message: 'test.iso: it has no /none' });
  });

  it('that is cut short is told as such', async () => {
    const bytes = await fixture('xorriso');
    await expect(open(bytes.subarray(0, bytes.length - 2048))).rejects.toMatchObject({
      code: 'install.bad_iso',
      message: `test.iso: its volume has ${bytes.length} bytes, the file only ${bytes.length - 2048}`,
    });
    await expect(open(Buffer.alloc(40_000))).rejects.toMatchObject({
      message: 'test.iso: no volume descriptor of ISO 9660 at byte 32768',
    });
    await expect(open(Buffer.alloc(10))).rejects.toMatchObject({ code: 'install.bad_iso' });
  });

  it('whose directory is inside itself is refused', async () => {
    const bytes = await fixture('xorriso');
    const iso = await open(bytes);
    const [outer, inner] = [await iso.find('/a'), await iso.find('/a/b')];
    const at = outer?.extents[0]?.offset ?? 0;
    const record = at + (decodeRecords(bytes.subarray(at, at + 2048))[2]?.at ?? 0);
    expect(bytes.readUInt32LE(record + 2) * 2048).toBe(inner?.extents[0]?.offset);
    bytes.writeUInt32LE(at / 2048, record + 2);
    await expect(paths(await open(bytes))).rejects.toMatchObject({
      code: 'install.bad_iso',
      message: containing('is another one too'),
    });
  });

  it('with a continuation that goes on in itself is refused', async () => {
    const bytes = await fixture('genisoimage');
    const root = bytes.readUInt32LE(16 * 2048 + 158) * 2048;
    const entry = bytes.indexOf('CE', root);
    const area = bytes.readUInt32LE(entry + 4) * 2048 + bytes.readUInt32LE(entry + 12);
    bytes.copy(bytes, area, entry, entry + 28);
    await expect(open(bytes)).rejects.toMatchObject({ message: containing('continuation areas of one record') });
  });

  it('with anything damaged is read or refused, with bounded reads, and nothing else happens', async () => {
    const random = seeded(9660);
    const below = (limit: number): number => Math.floor(random() * limit);
    const pristine = await Promise.all((['genisoimage', 'xorriso', 'full-root'] as const).map(fixture));
    let refused = 0;
    const ROUNDS = 400;
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = Buffer.from(pristine[round % pristine.length] ?? []);
      const cut = below(10) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
      damage(cut, 1 + below(8), random);
      const reads = readsOfBytes(cut);
      try {
        for (const tree of ['rock-ridge', 'joliet', 'plain'] as const) {
          const iso = await openIso(reads.readAt, cut.length, { tree });
          await paths(iso);
          await iso.read('/.cd-info', 1000);
        }
      } catch (thrown) {
        if (!(thrown instanceof RackseedError) || thrown.code !== 'install.bad_iso') throw thrown;
        refused += 1;
      }
      expect(reads.bytes).toBeLessThan(32 * 1024 * 1024);
    }
    expect(refused).toBeGreaterThan(ROUNDS / 10);
  });
});
