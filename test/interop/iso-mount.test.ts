// ISO images with one more file, mounted by Linux as an installer mounts them: out of the initrd, through a loop device. A machine by
// software emulation; about a minute.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addFile } from '../../src/install/iso/add-file.ts';
import { installerIso } from '../support/installer-iso.ts';
import { MOUNT_OPTIONS, mountInLinux } from './iso/guest.ts';
import { DEEP, isoWithSlack, joinParts, type Maker, MODE_FILE, makeIso, many, movedRoots, noise } from './iso/images.ts';
import { type Contents, isoFile, sha256, writeServed } from './iso/readers.ts';

const LIMIT_MS = 900_000;
const BOTH: Maker = { program: 'genisoimage', words: ['-R', '-J', '-joliet-long'] };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rackseed-iso-mount-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it(
  'finds every file as it was, and the new one, by all kinds of names',
  async () => {
    const at = (name: string): string => join(folder, name);
    await installerIso(at('installer.iso'));
    await makeIso(at('deep.iso'), DEEP, BOTH);
    await makeIso(at('large-root.iso'), { ...DEEP, ...many(60) }, { program: 'xorriso', words: ['-R', '-J', '-joliet-long'] });
    await isoWithSlack(at('full-root.iso'), BOTH, { kind: 'rock-ridge', slack: 2, least: 3 });
    await makeIso(at('parts.iso'), { 'a.bin': noise(1, 2048), 'b.bin': noise(2, 999) }, { program: 'genisoimage', words: ['-R'] });
    await joinParts(at('parts.iso'));
    await makeIso(at('plain.iso'), { 'README.TXT': 'read\n', 'BOOT/LINUX26': noise(3, 9000) }, { program: 'genisoimage', words: [] });
    expect(await movedRoots(at('full-root.iso'))).toEqual(['rock-ridge']);
    const names = ['installer', 'deep', 'large-root', 'full-root', 'parts', 'plain'];
    for (const name of names) await writeServed(await addFile(await isoFile(at(`${name}.iso`)), MODE_FILE), at(`${name}-served.iso`));
    const images = names.flatMap((name) => [at(`${name}.iso`), at(`${name}-served.iso`)]);

    const found = await mountInLinux(images, LIMIT_MS - 60_000);

    for (const name of names)
      for (const options of MOUNT_OPTIONS) {
        const where = `${name}, ${options}`;
        const [before, after] = [found.get(`${name}.iso ${options}`), found.get(`${name}-served.iso ${options}`)];
        expect(Object.keys(before ?? {}).length, where).toBeGreaterThan(0);
        const fresh = Object.keys(after ?? {}).filter((path) => before?.[path] === undefined);
        // Only where nothing else than the standard's names is asked for does Linux show the one that is made of letters it allows.
        expect(fresh, where).toEqual([expect.stringMatching(/^auto[-_]installer[-_]mode\.toml$/)]);
        expect({ ...before, [fresh[0] ?? '']: sha256(MODE_FILE.content) }, where).toEqual(after);
      }
    for (const name of names) expect(after(found, `${name}-served.iso ro`)[MODE_FILE.name], name).toBe(sha256(MODE_FILE.content));
    for (const [path, content] of Object.entries(DEEP)) expect(after(found, 'deep-served.iso ro')[path], path).toBe(sha256(content));
    const joined = Buffer.concat([noise(1, 2048), noise(2, 999)]);
    expect(after(found, 'parts-served.iso ro')['a.bin']).toBe(sha256(joined));
  },
  LIMIT_MS,
);

function after(found: ReadonlyMap<string, Contents>, mount: string): Contents {
  return found.get(mount) ?? {};
}
