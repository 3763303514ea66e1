import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemRandom } from '../../../src/lib/index.ts';
import { type KeySource, loadStoreKeys } from '../../../src/store/index.ts';
import { newKey, readKeyFile, writeKeyFile } from '../../../src/store/keys.ts';

describe('the key file', () => {
  it('is made once, for its owner only, and read again', async () => {
    const source = await newSource();
    const keys = await loadStoreKeys(source);
    expect(keys).toHaveLength(1);
    expect((await stat(source.keyFile)).mode & 0o777).toBe(0o600);
    expect(await loadStoreKeys(source)).toEqual(keys);
  });

  it('is one and the same for two that start at once', async () => {
    const source = await newSource();
    const [one, two] = await Promise.all([loadStoreKeys(source), loadStoreKeys(source)]);
    expect(one).toEqual(two);
  });

  it('keeps the order of its keys, and leaves nothing else behind', async () => {
    const { keyFile, directory } = await newSource();
    const keys = [newKey(systemRandom), newKey(systemRandom)];
    await writeKeyFile(keyFile, keys);
    expect(await readKeyFile(keyFile)).toEqual(keys);
    expect(await readdir(directory)).toEqual(['key']);
  });

  it('is refused when others may read it', async () => {
    const source = await newSource();
    await loadStoreKeys(source);
    await chmod(source.keyFile, 0o640);
    await expect(loadStoreKeys(source)).rejects.toMatchObject({ code: 'store.key_exposed', hint: `chmod 600 ${source.keyFile}` });
  });

  it.each([
    ['empty', () => ''],
    ['of another kind', () => '-----BEGIN PRIVATE KEY-----\n'],
    ['changed in one letter', (text: string) => text.replace(/.(?==*\n$)/, (letter) => (letter === 'A' ? 'B' : 'A'))],
    ['changed in its id', (text: string) => text.replace(/v1 ./, (id) => (id.endsWith('0') ? 'v1 1' : 'v1 0'))],
    ['cut short', (text: string) => text.slice(0, -8)],
  ])('is refused, and not replaced, when it is %s', async (_, change) => {
    const source = await newSource();
    await loadStoreKeys(source);
    const changed = change(await readFile(source.keyFile, 'utf8'));
    await writeFile(source.keyFile, changed);
    await expect(loadStoreKeys(source)).rejects.toMatchObject({ code: 'store.key_invalid' });
    expect(await readFile(source.keyFile, 'utf8')).toBe(changed);
  });

  it('says where it can’t be written', async () => {
    const source = await newSource();
    const keyFile = `${source.directory}/not/there/key`;
    await expect(loadStoreKeys({ ...source, keyFile })).rejects.toMatchObject({ code: 'store.key_file' });
  });

  it('says when it can’t be read', async () => {
    const source = await newSource();
    await expect(loadStoreKeys({ ...source, keyFile: source.directory })).rejects.toMatchObject({ code: 'store.key_file' });
  });

  it('gives way to a systemd credential, which is never made', async () => {
    const source = await newSource();
    const credential = join(source.directory, 'credential');
    await expect(loadStoreKeys({ ...source, credential })).rejects.toMatchObject({ code: 'store.key_missing' });
    const keys = [newKey(systemRandom)];
    await writeKeyFile(credential, keys);
    expect(await loadStoreKeys({ ...source, credential })).toEqual(keys);
    expect(await readKeyFile(source.keyFile)).toBeUndefined();
  });
});

async function newSource(): Promise<KeySource & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-key-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return { directory, url: `sqlite://${directory}/rackseed.sqlite`, keyFile: join(directory, 'key'), random: systemRandom };
}
