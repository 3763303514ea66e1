// The Dockerfile builds, and what comes out is what its decision record says. Built by buildah without a daemon, in a chroot.
// Substituted, because no image registry is needed for tests: see SUBSTITUTIONS.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, runProgram } from '../../src/lib/index.ts';
import { carryNpmConfig, debianTar, mustRun, npmFolder, SUITE } from './debian-chroot.ts';

const ROOT = join(import.meta.dirname, '../..');
const MINUTE = 60_000;
const IMAGE = 'localhost/rackseed-test';
const NPM = '10.8.2';

/** Exactly what differs from `docker build .`; everything else of the Dockerfile runs as it stands. */
const SUBSTITUTIONS = {
  'docker.io/library/debian:trixie-slim': `localhost/base: mmdebstrap minbase of Debian ${SUITE}, with ca-certificates, without documentation`,
  'docker.io/library/node:24-trixie-slim': `localhost/build: the same with Debian's nodejs 20 and npm ${NPM} of the npm registry`,
  'the npm registry': "this machine's, through its npmrc and certificates, which no layer keeps",
  'docker build': 'buildah bud --isolation chroot --pull-never --network host --format docker',
} as const;

let work = '';
let container = '';

beforeAll(async () => {
  if (process.getuid?.() !== 0) throw new Error('this layer needs root, to build in a chroot: sudo npm run test:integration');
  work = await mkdtemp(join(tmpdir(), 'rackseed-docker-'));
  await importBase('localhost/base', ['ca-certificates']);
  await importBase('localhost/build', ['ca-certificates', 'nodejs'], await npmFolder(NPM));
  await build();
  container = (await buildah('from', '--pull-never', IMAGE)).trim();
}, 10 * MINUTE);

afterAll(() => rm(work, { recursive: true, force: true }));

/** A storage of its own: nothing that this machine's buildah or podman has is seen or changed. */
function storage(): string[] {
  return ['--storage-driver', 'vfs', '--root', join(work, 'storage'), '--runroot', join(work, 'run')];
}

function buildah(verb: string, ...words: readonly string[]): Promise<string> {
  return mustRun('buildah', [...storage(), verb, ...words], { timeoutMs: 10 * MINUTE });
}

async function importBase(name: string, packages: readonly string[], npm?: string): Promise<void> {
  const scratch = (await buildah('from', 'scratch')).trim();
  await buildah('add', '--quiet', scratch, await debianTar(packages), '/');
  if (npm !== undefined) {
    await buildah('copy', '--quiet', scratch, npm, '/opt/npm');
    const mounted = (await buildah('mount', scratch)).trim();
    await mustRun('ln', ['-s', '/opt/npm/bin/npm-cli.js', join(mounted, 'usr/local/bin/npm')]);
    await buildah('umount', scratch);
  }
  await buildah('commit', '--quiet', '--rm', scratch, name);
}

async function build(): Promise<void> {
  const [context, home] = [join(work, 'context'), join(work, 'home')];
  for (const folder of [context, home]) await mkdir(folder);
  await mustRun('git', ['-c', 'safe.directory=*', 'archive', '--format=tar', '--output', join(work, 'context.tar'), 'HEAD'], { cwd: ROOT });
  await mustRun('tar', ['--extract', '--no-same-owner', '--directory', context, '--file', join(work, 'context.tar')]);
  await carryNpmConfig(home, '/srv');
  await cp(join(home, 'ca.pem'), join(work, 'ca.pem'));
  const npmrc = join(work, 'npmrc');
  const hasCertificates = (await readFile(join(work, 'ca.pem'), 'utf8')).trim() !== '';
  await writeFile(npmrc, `${await readFile(join(home, '.npmrc'), 'utf8')}\n${hasCertificates ? 'cafile=/srv/ca.pem\n' : ''}`);
  const bases = ['--build-arg', 'BASE_IMAGE=localhost/base', '--build-arg', 'BUILD_IMAGE=localhost/build'];
  const registry = ['--secret', `id=npmrc,src=${npmrc}`, '--volume', `${home}:/srv:ro`];
  await buildah(
    'bud',
    '--quiet',
    '--isolation',
    'chroot',
    '--pull-never',
    '--network',
    'host',
    '--format',
    'docker',
    ...bases,
    ...registry,
    '--tag',
    IMAGE,
    context,
  );
}

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly ExposedPorts: Readonly<Record<string, unknown>>;
  readonly Volumes: Readonly<Record<string, unknown>>;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

async function configOf(): Promise<ImageConfig> {
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', IMAGE)) as { Docker: { config: ImageConfig } }; // buildah's form
  return inspected.Docker.config;
}

/** As the image's own user, in a network of its own that has only loopback. */
function runInImage(script: string): Promise<RunResult> {
  const words = [...storage(), 'run', '--isolation', 'chroot', container, '--', '/bin/sh', '-c', script];
  return runProgram('unshare', ['--net', 'sh', '-c', 'ip link set lo up && exec buildah "$@"', 'sh', ...words], { timeoutMs: MINUTE });
}

describe('the image', () => {
  it(`builds, with substitutes: ${Object.entries(SUBSTITUTIONS)
    .map(([what, by]) => `${what} → ${by}`)
    .join('; ')}`, () => {
    expect(container).not.toBe('');
  });

  it('says how it is run', async () => {
    const config = await configOf();
    expect(config).toMatchObject({ User: 'rackseed', Entrypoint: ['rackseed'], Cmd: ['serve'], WorkingDir: '/var/lib/rackseed' });
    expect(Object.keys(config.Volumes)).toEqual(['/var/lib/rackseed']);
    expect(Object.keys(config.ExposedPorts).toSorted()).toEqual(['4011/udp', '6385/tcp', '6386/tcp', '67/udp', '69/udp']);
    expect(config.Healthcheck.Test).toEqual(['CMD', 'node', '/opt/rackseed/healthcheck.mjs']);
    expect(config.Labels['org.opencontainers.image.licenses']).toBe('Apache-2.0');
  });

  it('is of the version that the package has', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }; // our own file
    expect((await configOf()).Labels['org.opencontainers.image.version']).toBe(version);
    const { stdout, stderr } = await runInImage('rackseed --version');
    expect(stdout + stderr).toContain(version);
  });

  it('runs as an ordinary user on the pinned Node, which may bind low ports and nothing more', async () => {
    const { stdout } = await runInImage(
      'id -un; node --version; for program in node perl; do /usr/sbin/getcap "$(readlink -f "$(command -v $program)")"; done',
    );
    expect(stdout).toMatch(/^rackseed\nv24\.\d+\.\d+\n\S+node cap_net_bind_service=ep\n\S+perl cap_net_bind_service=ep\n$/);
  });

  it('holds neither npm, nor the sources, nor the registry it was built from', async () => {
    const { stdout } = await runInImage(
      'command -v npm gcc python3; find /opt/rackseed -name "*.ts"; ls -d /root/.npmrc /opt/bundle /build/* 2>/dev/null; ls -A /srv',
    );
    expect(stdout).toBe('');
  });

  it('carries of all npm packages only what is native', async () => {
    const { stdout } = await runInImage('ls /opt/rackseed/node_modules');
    expect(stdout.trim().split('\n')).toEqual(['better-sqlite3', expect.stringMatching(/^node-linux-(?:x64|arm64)$/)]);
  });

  it('checks a configuration', async () => {
    const script = ['echo "[server]" > good.toml', 'rackseed config check --config good.toml', 'echo good: $?'];
    const wrong = ['printf "[server]\\nlissten = 1\\n" > wrong.toml', 'rackseed config check --config wrong.toml 2>&1', 'echo wrong: $?'];
    const { stdout, stderr } = await runInImage(['cd /tmp', ...script, ...wrong].join('\n'));
    expect(stdout, stderr).toMatch(/good: 0\n/);
    expect(stdout).toMatch(/lissten.*"listen".*wrong: [1-9]/s);
  });

  it('starts, and its health check turns from bad to good', async () => {
    const script = [
      'check() { node /opt/rackseed/healthcheck.mjs; }',
      'check 2>/dev/null && echo healthy before the start',
      'rackseed serve >/tmp/serve.log 2>&1 & server=$!',
      'for attempt in $(seq 100); do check 2>/tmp/check.log && break; kill -0 $server || break; sleep 0.2; done',
      'check && echo healthy || cat /tmp/serve.log /tmp/check.log',
      'kill $server; wait $server; echo ended with $?',
    ];
    const { stdout } = await runInImage(script.join('\n'));
    expect(stdout).toBe('healthy\nended with 0\n');
  });
});
