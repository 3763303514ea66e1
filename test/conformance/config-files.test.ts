// The configuration file on a real disk: everything that a path can turn out to be.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rackseed-config-'));
  chmodSync(folder, 0o755);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const door = new URL('../../src/config/index.ts', import.meta.url).pathname;

/** What the program prints, run by a Node of its own; `before` may feed its standard input. */
function run(program: string, before = ''): string {
  const command = `${before} '${process.execPath}' -e "$PROGRAM"`;
  return execFileSync('sh', ['-c', command], { env: { PROGRAM: program, PATH: '/usr/bin:/bin' }, encoding: 'utf8' });
}

/** expect.stringContaining, of a type that lint can follow. */
const containing = (text: string): unknown => expect.stringContaining(text);

const load = (path: string) => loadConfig({ path, env: {}, defaults: { dataDir: '/var/lib/rackseed' } });

describe('the path of the configuration', () => {
  it('may be a file, a link to one, or a pipe', async () => {
    const path = join(folder, 'good.toml');
    writeFileSync(path, '[server]\nname = "a"\n');
    symlinkSync(path, join(folder, 'link.toml'));
    expect((await load(path)).config.server.name).toBe('a');
    expect((await load(join(folder, 'link.toml'))).config.server.name).toBe('a');
    const program = `import('${door}').then(async ({ loadConfig }) => {
      const { config } = await loadConfig({ path: '/dev/stdin', env: {}, defaults: { dataDir: '/d' } });
      process.stdout.write(config.server.name);
    })`;
    expect(run(program, `printf '[server]\\nname = "piped"' |`)).toBe('piped');
  });

  it.each([
    ['does not exist', 'none.toml', 'config.not_found', 'rackseed config init'],
    ['leads through a file', 'good.toml/x', 'config.not_found', 'rackseed config init'],
    ['is a directory', '.', 'config.not_a_file', 'rackseed.toml'],
  ])('that %s is refused with the next step', async (_, name, code, hint) => {
    const path = join(folder, name);
    await expect(load(path)).rejects.toMatchObject({
      code,
      message: containing(path),
      hint: containing(hint),
      detail: { problems: [{ file: path }] },
    });
  });

  it('that is a socket is refused', async () => {
    const path = join(folder, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(load(path)).rejects.toMatchObject({ code: 'config.not_a_file', message: containing('a socket') });
    await new Promise((resolve) => server.close(resolve));
  });

  it('that never ends is read no further than the cap', async () => {
    await expect(load('/dev/zero')).rejects.toMatchObject({ code: 'config.too_large' });
  });

  it('that holds more than 1 MiB is refused', async () => {
    const path = join(folder, 'large.toml');
    writeFileSync(path, Buffer.alloc(2 * 1024 * 1024, '#'));
    await expect(load(path)).rejects.toMatchObject({ code: 'config.too_large', hint: containing('rackseed.toml') });
  });

  it('that this user may not read is refused', () => {
    const path = join(folder, 'closed.toml');
    writeFileSync(path, '', { mode: 0o000 });
    // Root may read everything, so the child gives its rights up once the code is loaded.
    const program = `import('${door}').then(async ({ loadConfig }) => {
      if (process.getuid() === 0) process.seteuid(65534);
      await loadConfig({ path: '${path}', env: {}, defaults: { dataDir: '/d' } });
    }).catch((error) => process.stdout.write(error.code + ' ' + error.hint))`;
    expect(run(program)).toBe(`config.not_readable Look at its owner and mode: ls -l ${path}`);
  });
});
