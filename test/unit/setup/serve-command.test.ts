import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveBundleOf, serveEntryOf } from '../../../src/setup/serve-bundle.ts';
import { serveCommand, type Typed } from '../../../src/setup/serve-command.ts';

const TYPED: Typed = { execPath: '/n/node', execArgv: [], words: ['/r/src/main.ts', 'serve', '--config', 'x.toml'], env: { HOME: '/h' } };

describe('the command that serve becomes', () => {
  it('is the bundle with the same words, limits for memory and the compile cache', () => {
    const command = serveCommand(TYPED, '/c', () => '/b/rackseed.mjs');
    expect(command?.file).toBe('/n/node');
    expect(command?.args).toEqual(['/n/node', '--max-semi-space-size=4', '/b/rackseed.mjs', 'serve', '--config', 'x.toml']);
    expect(command?.env).toMatchObject({ HOME: '/h', NODE_COMPILE_CACHE: '/c', MALLOC_ARENA_MAX: '1' });
  });

  it('is the sources where there is no bundle of them', () => {
    expect(serveCommand(TYPED, undefined, () => undefined)?.args).toContain('/r/src/main.ts');
  });

  it('is no other when it runs that way already, so that it is become once', () => {
    const [, ...args] = serveCommand(TYPED, '/c', () => undefined)?.args ?? [];
    expect(serveCommand({ ...TYPED, execArgv: args.slice(0, 1) }, '/c', () => '/b/rackseed.mjs')).toBeUndefined();
  });

  it('leaves what the environment says of memory and Node’s own flags as they are', () => {
    const command = serveCommand(
      { ...TYPED, execArgv: ['--inspect'], env: { MALLOC_ARENA_MAX: '3', NODE_COMPILE_CACHE: '/mine' } },
      '/c',
      () => undefined,
    );
    expect(command?.env).toMatchObject({ MALLOC_ARENA_MAX: '3', NODE_COMPILE_CACHE: '/mine' });
    expect(command?.args).toContain('--inspect');
  });
});

describe('the bundle of the sources', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rackseed-stamp-'));
    for (const folder of ['src', 'images', 'templates/ipxe']) mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, 'src/main.ts'), 'one');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('is another one after any edit', () => {
    const first = serveBundleOf(root);
    expect(serveBundleOf(root)).toBe(first);
    writeFileSync(join(root, 'templates/ipxe/menu.ipxe'), 'new');
    const second = serveBundleOf(root);
    expect(second).not.toBe(first);
    writeFileSync(join(root, 'templates/ipxe/menu.ipxe'), 'same length, later'.slice(0, 3));
    expect(serveBundleOf(root)).not.toBe(second);
  });

  it('is run only when it is there, and never from a folder that holds no sources', () => {
    expect(serveEntryOf(root)).toBeUndefined();
    const folder = serveBundleOf(root) ?? '';
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'rackseed.mjs'), '');
    expect(serveEntryOf(root)).toBe(join(folder, 'rackseed.mjs'));
    expect(serveEntryOf(folder)).toBeUndefined();
  });
});
