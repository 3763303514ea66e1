// A fresh clone sets itself up on a minimal Debian that holds only Node 20 and npm: no git, no compiler, no python, nothing to answer questions.
// Every major version of npm that people have is used once, as an ordinary user or as root.

import { chown, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carryNpmConfig, debianFolder, maskRegistry, mustRun, npmCache, npmFolder, runInside, SYSTEM_PATH } from './debian-chroot.ts';

const ROOT = join(import.meta.dirname, '../..');
const NOBODY = 65_534;
const MINUTE = 60_000;

/** Everything that a set-up could lean on by accident. */
const MUST_BE_ABSENT = ['python3', 'gcc', 'cc', 'make', 'git', 'npm'];

const CASES = [
  { npm: '9.2.0', uid: NOBODY },
  { npm: '10.8.2', uid: 0 },
  { npm: '11.19.1', uid: 0 },
  { npm: '12.2.0', uid: NOBODY },
] as const;

let work = '';
let system = '';

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('this layer needs root, to enter a chroot: sudo npm run test:integration');
  work = await mkdtemp(join(tmpdir(), 'rackseed-clean-'));
  system = await debianFolder(['ca-certificates', 'nodejs']);
}, 5 * MINUTE);

afterAll(() => rm(work, { recursive: true, force: true }));

/** A fresh clone of the current commit and a way to run things in it. */
async function freshClone(npmVersion: string, uid: number) {
  const folder = await mkdtemp(join(work, 'case-'));
  const [clone, home, bin] = [join(folder, 'clone'), join(folder, 'home'), join(folder, 'bin')];
  for (const path of [clone, home, bin]) await mkdir(path);
  await symlink('/opt/bin/npm-cli.js', join(bin, 'npm'));
  await mustRun('git', ['-c', 'safe.directory=*', 'archive', '--format=tar', '--output', join(folder, 'clone.tar'), 'HEAD'], { cwd: ROOT });
  await mustRun('tar', ['--extract', '--no-same-owner', '--directory', clone, '--file', join(folder, 'clone.tar')]);
  const env = await carryNpmConfig(home, '/srv/home');
  await mustRun('chown', ['-R', `${uid}:${uid}`, clone, home]);
  await chown(folder, uid, uid);
  const npm = await npmFolder(npmVersion);
  const downloads = await npmCache(uid);
  const run = async (script: string, more: Record<string, string> = {}): Promise<{ code: number | null; output: string }> => {
    const { code, stdout, stderr } = await runInside({
      root: system,
      mounts: [
        { from: folder, to: '/srv' },
        { from: npm, to: '/opt', readOnly: true },
        { from: downloads, to: '/mnt' },
      ],
      uid,
      env: { ...env, PATH: `/srv/bin:${SYSTEM_PATH}`, npm_config_cache: '/mnt', ...more },
      cwd: '/srv/clone',
      script,
    });
    return { code, output: await maskRegistry(stdout + stderr) };
  };
  return { run, remove: () => rm(folder, { recursive: true }) };
}

describe('the minimal system', () => {
  it('holds Node 20 and nothing that could build', async () => {
    const probe = MUST_BE_ABSENT.map((command) => `command -v ${command}`).join('; ');
    const { stdout } = await runInside({ root: system, mounts: [], uid: NOBODY, env: {}, cwd: '/', script: `node --version; ${probe}` });
    expect(stdout.trim()).toMatch(/^v20\.[0-9.]+$/);
  });
});

describe.each(CASES)('a fresh clone with npm $npm as uid $uid', ({ npm: version, uid }) => {
  let clone: Awaited<ReturnType<typeof freshClone>>;
  beforeAll(async () => {
    clone = await freshClone(version, uid);
  });
  // Half a gigabyte each.
  afterAll(() => clone.remove());

  it('goes from npm start to the server with stdin closed', async () => {
    const { code, output } = await clone.run('npm --version && npm start -- --help <&-');
    expect(output).toContain(version);
    expect(output).toContain('rackseed: left out, because');
    expect(output).toMatch(/sudo apt-get install --no-install-recommends .*qemu-system-x86/);
    expect(output).toContain('starting the appliance without the virtual lab');
    expect(output).toMatch(/Usage: rackseed serve/);
    expect(code).toBe(0);
  });

  it('then runs on the pinned Node, with the database that needed no compiler', async () => {
    const load = "new (require('better-sqlite3'))(':memory:').prepare('select sqlite_version() as v').get().v";
    const { code, output } = await clone.run(
      `node_modules/.bin/node --version && node_modules/.bin/node -p "${load}" && PATH=$PWD/node_modules/.bin:$PATH rackseed --version`,
    );
    expect(output).toMatch(/^v24\.\d+\.\d+\n3\.\d+\.\d+\n.*\d+\.\d+\.\d+/);
    expect(code).toBe(0);
  });

  it('says and does nothing the second time', async () => {
    const { code, output } = await clone.run('npm run -s setup <&-');
    expect(output).toBe('');
    expect(code).toBe(0);
  });

  it('refuses in CI to test with tools missing', async () => {
    const { code, output } = await clone.run('npm test <&-', { CI: 'true' });
    expect(output).toContain('in CI nothing is left out; still missing:');
    expect(output).not.toContain('== lint');
    expect(code).not.toBe(0);
  });
});
