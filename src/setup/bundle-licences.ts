// The licences of the packages whose code is inside the bundle: most of them ask to go along with every copy.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  /** As npm had it long ago; ssh2 still has. */
  readonly licenses?: readonly { readonly type: string }[];
  readonly engines?: Readonly<Record<string, string>>;
}

const LICENCE_FILE = /^(?:licen[cs]e|copying|notice)(?:$|[.-])/i;

export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest; // npm's documented form
}

/** One text, packages in order of their names. */
export async function thirdPartyLicences(folders: readonly string[]): Promise<string> {
  const texts = await Promise.all(folders.map(licenceOf));
  return `Rackseed holds code of these packages.\n\n${texts.toSorted((a, b) => a.localeCompare(b, 'en')).join('\n')}`;
}

async function licenceOf(folder: string): Promise<string> {
  const { name, version, licenses = [], license = licenses.map(({ type }) => type).join(', ') || 'not named' } = await readManifest(folder);
  const files = (await readdir(folder)).filter((file) => LICENCE_FILE.test(file)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return [`== ${name} ${version} (${license})`, ...texts.map((text) => text.trim()), ''].join('\n\n');
}
