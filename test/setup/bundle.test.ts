// `npm run build` makes a folder that runs by itself: it is moved away from the repository, and used as a person would.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleAgent, PREBUILT_AGENT } from '../../images/index.ts';
import { createClient, readLocal } from '../../src/cli/index.ts';
import { RESOURCES, type RunResult, runProgram } from '../../src/lib/index.ts';
import { EXTERNAL } from '../../src/setup/bundle-code.ts';
import { mustRun } from './debian-chroot.ts';

const ROOT = join(import.meta.dirname, '../..');
const READY_LIMIT_MS = 60_000;

let work = '';
/** The build, away from where it was made. */
let bundle = '';
let node = '';

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'rackseed-bundle-'));
  await build(join(work, 'built'));
  bundle = join(work, 'elsewhere');
  await rename(join(work, 'built'), bundle);
  node = join(bundle, `node_modules/node-linux-${process.arch}/bin/node`);
});

afterAll(() => rm(work, { recursive: true, force: true }));

function build(out: string): Promise<string> {
  return mustRun(process.execPath, [join(ROOT, 'src/setup/bundle.ts'), '--out', out]);
}

/** Nothing of the repository: neither its environment, nor its Node, nor its directory. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: join(work, 'home'), LANG: 'C.UTF-8', ...more };
}

function rackseed(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
  return runProgram(node, [join(bundle, 'rackseed.mjs'), ...words], { env: environment(env), cwd: work, timeoutMs: READY_LIMIT_MS });
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

/** Name, mode and content of every file. */
async function fingerprint(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (const file of await filesOf(folder)) {
    const path = join(folder, file);
    lines.push(
      `${file} ${((await stat(path)).mode & 0o777).toString(8)} ${createHash('sha256')
        .update(await readFile(path))
        .digest('hex')}`,
    );
  }
  return lines;
}

async function codeOf(folder: string): Promise<{ file: string; text: string }[]> {
  const files = (await filesOf(folder)).filter((file) => file.endsWith('.mjs') && !file.startsWith('node_modules/'));
  return Promise.all(files.map(async (file) => ({ file, text: await readFile(join(folder, file), 'utf8') })));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

describe('the build', () => {
  it('is the same to the byte wherever it is made', async () => {
    const second = join(work, 'some/deeper/folder');
    await build(second);
    expect(await fingerprint(second)).toEqual(await fingerprint(bundle));
    await build(second); // an earlier build is replaced
    expect(await readdir(join(work, 'some/deeper'))).toEqual(['folder']);
  });

  it('names the place where it was made nowhere', async () => {
    const files = (await filesOf(bundle)).filter((file) => !file.startsWith('node_modules/'));
    const naming = await Promise.all(
      files.map(async (file) => ((await readFile(join(bundle, file), 'utf8')).includes(ROOT) ? [file] : [])),
    );
    expect(naming.flat()).toEqual([]);
  });

  it('replaces nothing but an earlier build', async () => {
    const precious = join(work, 'precious');
    await mkdir(precious);
    await writeFile(join(precious, 'letter.txt'), 'dear');
    await expect(build(precious)).rejects.toThrow(/no earlier build.*--out/);
    expect(await readdir(precious)).toEqual(['letter.txt']);
  });

  it('needs by name only Node and what is declared', async () => {
    const named = (await codeOf(bundle)).flatMap(({ text }) =>
      [...text.matchAll(/(?:^import [^'"\n]*|^\} from |^export .* from |\bimport\(|\b__require\()["']([^"'./][^"']*)["']/gm)].map(
        (match) => match[1] ?? '',
      ),
    );
    expect(named).toContain('node:fs');
    const foreign = [...new Set(named.filter((name) => !isBuiltin(name)))];
    expect(foreign.toSorted()).toEqual([...EXTERNAL].toSorted());
  });

  it('carries no packages but those with a native part', async () => {
    expect(await readdir(join(bundle, 'node_modules'))).toEqual(['better-sqlite3', `node-linux-${process.arch}`]);
  });

  it('carries the licence of every package that it holds code of', async () => {
    const text = await readFile(join(bundle, 'LICENSES-third-party.txt'), 'utf8');
    for (const name of ['fastify', 'kysely', 'pg', 'pino', 'typebox', 'undici', 'yaml'])
      expect(text).toMatch(new RegExp(`^== ${name} \\d`, 'm'));
    expect(text).not.toContain('(not named)');
  });
});

describe('files that the program reads beside its code', () => {
  it.each(RESOURCES.filter((name) => name !== 'package.json'))('%s is in the bundle as in the sources', async (name) => {
    const isFolder = (await stat(join(ROOT, name))).isDirectory();
    const [here, there] = [join(ROOT, name), join(bundle, name)];
    if (isFolder) expect(await fingerprint(there)).toEqual(await fingerprint(here));
    else expect(await readFile(there, 'utf8')).toBe(await readFile(here, 'utf8'));
  });

  it('are asked for in one place: only entries know where they themselves lie', async () => {
    const sources = (
      await Promise.all(['src', 'images'].map(async (folder) => (await filesOf(join(ROOT, folder))).map((file) => `${folder}/${file}`)))
    )
      .flat()
      .filter((file) => /\.[jt]s$/.test(file));
    const asking = await Promise.all(
      sources.map(async (file) => ((await readFile(join(ROOT, file), 'utf8')).includes('import.meta') ? [file] : [])),
    );
    const mayAsk = ['src/lib/resources.ts', 'src/main.ts', 'src/setup/start.ts', 'src/setup/test.ts'];
    expect(asking.flat()).toContain(mayAsk[0]);
    expect(asking.flat().filter((file) => !mayAsk.includes(file))).toEqual([]);
  });

  it('include the agent, as it would be bundled from its sources', async () => {
    expect(await readFile(join(bundle, PREBUILT_AGENT), 'utf8')).toBe(await bundleAgent(join(ROOT, 'src/agent/main.ts')));
  });
});

describe('the bundle, away from the repository', () => {
  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }; // our own file
    expect(await rackseed(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('is a program by itself where a Node is in PATH', async () => {
    const env = environment({ PATH: `${join(node, '..')}:/usr/bin:/bin` });
    expect(await runProgram(join(bundle, 'rackseed.mjs'), ['--version'], { env, cwd: work })).toMatchObject({ code: 0 });
  });

  it('checks a config', async () => {
    await writeFile(join(work, 'good.toml'), '[server]\n');
    await writeFile(join(work, 'wrong.toml'), '[server]\nlissten = 1\n');
    expect(await rackseed(['config', 'check', 'good.toml'])).toMatchObject({ code: 0 });
    const wrong = await rackseed(['config', 'check', 'wrong.toml']);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toMatch(/wrong\.toml:2: .*lissten.*"listen"/);
  });

  it('serves, answers its command line and its health check, and ends well', async () => {
    const [api, boot, data] = [await freePort(), await freePort(), join(work, 'data')];
    const config = join(work, 'rackseed.toml');
    await writeFile(config, `[server]\nlisten = "127.0.0.1:${api}"\nboot_listen = "127.0.0.1:${boot}"\ndata_dir = "${data}"\n`);
    const env = { RACKSEED_SERVER_DATA_DIR: data, RACKSEED_SERVER_LISTEN: `127.0.0.1:${api}` };
    const health = (): Promise<RunResult> => runProgram(node, [join(bundle, 'healthcheck.mjs')], { env: environment(env), cwd: work });
    expect((await health()).code).toBe(1);

    const child = spawn(node, [join(bundle, 'rackseed.mjs'), 'serve', '--config', config], {
      env: environment(),
      cwd: work,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    try {
      await ready(child);
      expect(await rackseed(['node', 'list', '--output', 'json'], env)).toMatchObject({ code: 0, stderr: '' });
      expect(await health()).toMatchObject({ code: 0, stderr: '' });
      const connection = await readLocal(data);
      if (connection === undefined) throw new Error(`${data} holds no connection file`);
      const client = createClient(connection);
      expect(await client.get('/api/openapi.json')).toMatchObject({ openapi: '3.1.0' }); // made by what is loaded on demand
      await client.close();
    } finally {
      child.kill('SIGTERM');
      await ended;
    }
    expect(child.exitCode).toBe(0);
  });

  it('speaks PostgreSQL, too', async () => {
    const config = join(work, 'postgres.toml');
    const nobody = `postgres://nobody@127.0.0.1:${await freePort()}/none`;
    await writeFile(config, `[server]\ndata_dir = "${join(work, 'postgres-data')}"\n[store]\nurl = "${nobody}"\n`);
    const { code, stderr } = await rackseed(['serve', '--config', config]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('store.unreachable');
  });

  it('builds boot files without its sources: what is missing here is only the network', async () => {
    const { code, stderr } = await rackseed(['image', 'build'], {
      http_proxy: 'http://127.0.0.1:9', // nobody listens there
      RACKSEED_SERVER_DATA_DIR: join(work, 'image-data'),
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain('images.resolve_failed');
  });
});

async function ready(child: ChildProcess): Promise<void> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('started without pipes');
  const said: string[] = [];
  stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_LIMIT_MS);
  try {
    for await (const line of createInterface({ input: stdout })) {
      if (line.includes('rackseed is ready')) return;
      said.push(line);
    }
    throw new Error(`the appliance ended before it was ready:\n${said.join('\n')}`);
  } finally {
    clearTimeout(timer);
  }
}
