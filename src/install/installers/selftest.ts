// What we take for granted about a real installer ISO, looked up in one: each assumption with what was found and what follows when it does not
// hold. Changes nothing, needs no appliance.

import { messageOf, type Run } from '../../lib/index.ts';
import { hashFile } from './disk-files.ts';
import { withIso } from './iso-files.ts';
import type { IsoView } from './iso-view.ts';
import { type IsoTools, MODE_FILE } from './mode-files.ts';
import { efiFindings } from './selftest-efi.ts';
import { initrdFindings } from './selftest-initrd.ts';
import { layoutFindings } from './selftest-layout.ts';

export const RESULTS = ['pass', 'fail', 'unknown'] as const;

export interface Finding {
  /** As docs/unproven.md calls it. */
  readonly id: string;
  readonly assumption: string;
  readonly result: (typeof RESULTS)[number];
  readonly found: string;
  /** When it does not hold. */
  readonly otherwise: string;
  /** Installations over the network rest on it. */
  readonly isNeeded: boolean;
}

export interface SelftestOptions {
  readonly run: Run;
  readonly tools: Pick<IsoTools, 'addFile'>;
  readonly signal: AbortSignal;
}

export type Put = (finding: Omit<Finding, 'result'> & { readonly holds: boolean | null }) => void;

/** Throws install.not_an_installer for what is no ISO at all. */
export async function selftest(path: string, { run, tools, signal }: SelftestOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const put: Put = ({ holds, ...rest }) => findings.push({ ...rest, result: holds === null ? 'unknown' : holds ? 'pass' : 'fail' });
  const bytes = await withIso(path, path, async (view, size) => {
    await layoutFindings(view, size, put);
    await initrdFindings(view, put);
    await efiFindings(view, put);
    return size;
  });
  await carrierFindings({ path, bytes, run, tools, signal }, put);
  return findings;
}

async function carrierFindings(
  { path, bytes, run, tools, signal }: SelftestOptions & { readonly path: string; readonly bytes: number },
  put: Put,
): Promise<void> {
  const { sha256 } = await hashFile(path, { signal });
  const why = await tools.addFile({ path, bytes, sha256 }, { name: MODE_FILE, content: Buffer.from('mode = "http"\n') }).then(
    () => undefined,
    (thrown: unknown) => messageOf(thrown),
  );
  const canCopy = await run('xorriso', ['-version']).then(
    ({ code }) => code === 0,
    () => false,
  );
  put({
    id: 'overlay',
    assumption: 'the mode file can be added while the ISO is sent: all other files stay where they are, in every tree of names',
    holds: why === undefined,
    found: why ?? 'it was added, and found again with all other files unchanged',
    otherwise: canCopy
      ? 'xorriso is here: each machine gets a copy of the ISO made by it'
      : 'xorriso must be installed on the appliance: apt-get install xorriso',
    isNeeded: !canCopy,
  });
  put({
    id: 'sha256',
    assumption: 'it is the file that its maker published',
    holds: null,
    found: `its SHA-256 is ${sha256}`,
    otherwise: 'Compare it with the one on the download page.',
    isNeeded: false,
  });
}

/** For messages: the first few. */
export function some(names: readonly string[], max = 8): string {
  return names.length === 0 ? 'none' : `${names.slice(0, max).join(', ')}${names.length > max ? ` and ${names.length - max} more` : ''}`;
}

export async function pathsIn(view: IsoView, wanted: RegExp): Promise<string[]> {
  const found: string[] = [];
  for await (const path of view.paths()) if (wanted.test(path)) found.push(path);
  return found.toSorted();
}
