// Where the files lie that the program reads beside its code. The same from the sources and from a bundle: a bundle keeps these paths,
// and both have a package.json at their root. Whoever needs another file adds it here, and bundles carry it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assert } from './errors.ts';

export const RESOURCES = [
  'package.json',
  'templates/ipxe',
  'templates/grub',
  'templates/install',
  'src/net/listen.pl',
  'images/agent',
  'answer-files',
] as const;
export type Resource = (typeof RESOURCES)[number];

/** The absolute path of a file or folder that belongs to the program. */
export function resource(name: Resource): string {
  return join(programRoot(), name);
}

/** The nearest folder above this code that holds a package.json. */
export function programRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    assert(folder !== dirname(folder), `no package.json in ${import.meta.dirname} or above it`);
    folder = dirname(folder);
  }
  return folder;
}
