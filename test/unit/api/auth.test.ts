import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTokenAuth, ensureAdminToken } from '../../../src/api/auth.ts';
import { systemRandom as random } from '../../../src/lib/index.ts';
import { containing } from '../../support/containing.ts';

async function directory(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rackseed-auth-'));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  return dataDir;
}

describe('the admin token', () => {
  it('is made at the first start, for its owner only, and is the same ever after', async () => {
    const dataDir = await directory();
    const first = await ensureAdminToken({ dataDir, random });
    expect(first).toMatchObject({ created: true, path: join(dataDir, 'admin.token') });
    expect((await stat(first.path)).mode & 0o777).toBe(0o600);
    const text = await readFile(first.path, 'utf8');
    expect(text).toMatch(/^[A-Za-z0-9_-]{43}\n$/);

    const second = await ensureAdminToken({ dataDir, random });
    expect(second).toEqual({ ...first, created: false });
    expect(await readFile(first.path, 'utf8')).toBe(text);
  });

  it('lets its bearer in as admin, and who has an API token as that', async () => {
    const admin = await ensureAdminToken({ dataDir: await directory(), random });
    const token = (await readFile(admin.path, 'utf8')).trim();
    const auth = createTokenAuth(admin, {
      verify: (text) => Promise.resolve(text === 'rs_made' ? { name: 'token:ci', role: 'reader' } : undefined),
    });
    expect(await auth.verify(token)).toEqual({ name: 'admin', role: 'admin', by: 'admin-token' });
    expect(await auth.verify('rs_made')).toEqual({ name: 'token:ci', role: 'reader' });
    for (const wrong of ['', 'x', `${token}x`, token.slice(1), token.toUpperCase(), admin.sha256.toString('hex')]) {
      expect(await auth.verify(wrong)).toBeUndefined();
    }
  });

  it('is kept in memory as a hash only', async () => {
    const admin = await ensureAdminToken({ dataDir: await directory(), random });
    const token = (await readFile(admin.path, 'utf8')).trim();
    expect(JSON.stringify(admin)).not.toContain(token);
  });

  it('is refused when others could have read or changed it; a group may be let in to read', async () => {
    const dataDir = await directory();
    const { path } = await ensureAdminToken({ dataDir, random });
    await chmod(path, 0o644);
    await expect(ensureAdminToken({ dataDir, random })).rejects.toMatchObject({
      code: 'api.admin_token_broken',
      hint: `Run: chmod 600 ${path}`,
    });
    await chmod(path, 0o640);
    await expect(ensureAdminToken({ dataDir, random })).resolves.toMatchObject({ created: false });
  });

  it('is refused, not replaced, when the file holds something else', async () => {
    const dataDir = await directory();
    const { path } = await ensureAdminToken({ dataDir, random });
    await writeFile(path, '');
    await expect(ensureAdminToken({ dataDir, random })).rejects.toMatchObject({ code: 'api.admin_token_broken' });
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('survives a draft left over from a crash', async () => {
    const dataDir = await directory();
    await writeFile(join(dataDir, 'admin.token.new'), 'half', { mode: 0o666 });
    const { path } = await ensureAdminToken({ dataDir, random });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
  });

  it('says what to do when the directory is not there', async () => {
    await expect(ensureAdminToken({ dataDir: '/nowhere/at/all', random })).rejects.toMatchObject({
      code: 'api.admin_token_broken',
      message: containing('/nowhere/at/all/admin.token cannot be written'),
      hint: containing('server.data_dir'),
    });
  });
});
